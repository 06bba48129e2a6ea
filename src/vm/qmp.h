// QMP: QEMU's machine protocol, JSON lines over a Unix socket: commands, their answers, events. Knows no command.
// Spec: QEMU, docs/interop/qmp-spec.rst.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <variant>

#include "base/error.h"
#include "base/unique_fd.h"
#include "platform/event_loop.h"

namespace hesper::vm {

struct QmpGreeting {
  int major = 0;  // of QEMU's version
  int minor = 0;
};
struct QmpAnswer {
  std::uint64_t id = 0;
  Result<nlohmann::json> result;  // an error has QEMU's text
};
struct QmpEvent {
  std::string name;
  nlohmann::json data;  // an object
};
using QmpMessage = std::variant<QmpGreeting, QmpAnswer, QmpEvent>;

// One line. Errors: it is none of these, or has what does not belong there.
[[nodiscard]] Result<QmpMessage> parse_qmp(std::string_view line);

// A connection. The loop's thread only. QEMU is trusted no further than that it cannot harm this process.
class Qmp {
 public:
  static constexpr std::size_t kLongestLine = std::size_t{4} << 20;  // bytes

  struct Handlers {
    std::function<void(const QmpGreeting&)> ready;  // commands are taken from here on
    std::function<void(const QmpEvent&)> event;
    // Nothing comes any more. The sentence is empty if QEMU has closed the connection.
    std::function<void(const std::string& reason)> closed;
  };
  using Answer = std::function<void(Result<nlohmann::json>)>;

  // socket: connected. The loop outlives this, and this is not destroyed in a handler.
  Qmp(platform::EventLoop& loop, UniqueFd socket, Handlers handlers);
  Qmp(const Qmp&) = delete;
  Qmp& operator=(const Qmp&) = delete;

  // answer may be empty. It is not called if the connection closes before.
  void execute(std::string_view command, nlohmann::json arguments = nlohmann::json::object(), Answer answer = {});

 private:
  void read();
  void take(const QmpMessage& message);
  void close(const std::string& reason);

  UniqueFd socket_;
  Handlers handlers_;
  std::string unread_;
  std::uint64_t last_id_ = 0;
  std::map<std::uint64_t, Answer> waiting_;
  platform::EventLoop::Watch watch_;
};

}  // namespace hesper::vm
