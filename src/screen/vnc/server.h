// Server: displays as VNC, a port each, for any RFB 3.8 viewer. docs/vnc.md is its manual.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/error.h"
#include "platform/event_loop.h"
#include "platform/socket.h"
#include "screen/vnc/address.h"
#include "screen/vnc/viewer.h"
#include "screen/vnc/vnc.h"

namespace hesper::screen::vnc {

using Options = VncOptions;

class Server {
 public:
  // Listens when this returns. What is in `shown` outlives the server. The process must ignore SIGPIPE.
  // Errors: an address, password or certificate that cannot be used, as sentences.
  [[nodiscard]] static Result<std::unique_ptr<Server>> start(const Options& options, const Shown& shown);
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;
  ~Server();  // hangs up on everybody

  // One for each display that there is in the beginning: "127.0.0.1:5901".
  [[nodiscard]] const std::vector<std::string>& addresses() const noexcept { return addresses_; }

 private:
  struct Door {
    UniqueFd tcp;
    std::optional<platform::Listener> local;
    std::uint32_t display = 0;
    platform::EventLoop::Watch watch;
    [[nodiscard]] int fd() const noexcept { return tcp ? tcp.get() : local->fd(); }
  };

  explicit Server(std::unique_ptr<platform::EventLoop> loop) noexcept : loop_(std::move(loop)) {}
  [[nodiscard]] Result<void> prepare(const Options& options);
  [[nodiscard]] Result<void> listen(const Options& options, State& state);
  // Where that is.
  [[nodiscard]] Result<std::string> open_door(std::uint32_t display);
  void await_display(std::uint32_t display);
  void look_at_display(std::uint32_t display);
  void accept(const Door& door);
  void make_room();
  void clear_away();

  const std::unique_ptr<platform::EventLoop> loop_;
  House house_;
  Address address_;
  State* state_ = nullptr;
  // Of displays that are not there yet, each of which gets a door when it comes.
  std::map<std::uint32_t, std::unique_ptr<frame::Reader>> awaited_;
  std::size_t most_viewers_ = 0;
  std::vector<std::string> addresses_;
  std::vector<std::unique_ptr<Door>> doors_;
  std::vector<std::unique_ptr<Viewer>> viewers_;  // the oldest first
  bool complained_ = false;                       // about too many
  platform::EventLoop::Watch pause_;
  std::thread thread_;  // last: it uses all of the above
};

}  // namespace hesper::screen::vnc
