// Control: how hesper list and hesper stop speak to the launcher of a virtual machine. One JSON line each way, over
// the control socket in its runtime folder, which only the same user can reach.
//
//   {"command": "describe"}              the answer is the description, an object
//   {"command": "plan"}                  the answer is {"plan": what plan_json.h has}
//   {"command": "stop", "force": BOOL}   the answer is {}; the connection ends when the machine and its folder are gone
#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <list>
#include <nlohmann/json.hpp>
#include <string>

#include "base/error.h"
#include "base/unique_fd.h"
#include "platform/event_loop.h"
#include "platform/socket.h"

namespace hesper::vm {

// The launcher's side. The loop's thread only; connections close when this is destroyed.
class ControlServer {
 public:
  struct Handlers {
    std::function<nlohmann::json()> describe;
    std::function<nlohmann::json()> plan;
    std::function<void(bool force)> stop;
  };
  // listener: borrowed.
  ControlServer(platform::EventLoop& loop, const platform::Listener& listener, Handlers handlers);
  ControlServer(const ControlServer&) = delete;
  ControlServer& operator=(const ControlServer&) = delete;

 private:
  struct Connection {
    UniqueFd socket;
    std::string unread;
    platform::EventLoop::Watch watch;
  };
  void accept();
  void read(Connection& connection);
  // Nothing: the request cannot be understood.
  std::optional<nlohmann::json> answer(std::string_view request);

  platform::EventLoop& loop_;
  const platform::Listener& listener_;
  Handlers handlers_;
  std::list<Connection> connections_;
  platform::EventLoop::Watch watch_;
};

// The other side: asks the launcher whose runtime folder this is, and waits for the answer.
[[nodiscard]] Result<nlohmann::json> describe_machine(const std::filesystem::path& folder);

// What it was started with, as to_json(const Plan&) has it, likewise.
[[nodiscard]] Result<nlohmann::json> plan_of_machine(const std::filesystem::path& folder);

// Shuts the guest down, or with force ends it at once, and waits until all of it is gone. Errors: ETIMEDOUT, if that
// takes longer than `patience`; the guest goes on shutting down.
[[nodiscard]] Result<void> stop_machine(const std::filesystem::path& folder, bool force,
                                        std::chrono::milliseconds patience);

}  // namespace hesper::vm
