// Server: displays as VNC, a port each, for any RFB 3.8 viewer. docs/vnc.md is its manual.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "base/error.h"
#include "platform/errands.h"
#include "platform/event_loop.h"
#include "screen/vnc/address.h"
#include "screen/vnc/viewer.h"
#include "screen/vnc/vnc.h"

namespace hesper::screen::vnc {

using Options = VncOptions;

class Server {
 public:
  // Reads password and certificate. Errors: an address, password or certificate that cannot be used, as sentences.
  [[nodiscard]] static Result<std::unique_ptr<Server>> prepare(const Options& options, const Preparing& preparing);
  // Listens when this returns. To be called once. What is in `shown` outlives the server. The process must ignore
  // SIGPIPE. Errors: an address that cannot be had, as sentences.
  [[nodiscard]] Result<void> start(const Shown& shown);
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;
  ~Server();  // hangs up on everybody

  // One for each display that there is in the beginning: "127.0.0.1:5901".
  [[nodiscard]] const std::vector<std::string>& addresses() const noexcept { return addresses_; }

 private:
  struct Door {
    UniqueFd fd;
    std::uint32_t display = 0;
    platform::EventLoop::Watch watch;
  };

  Server(std::unique_ptr<platform::EventLoop> loop, Options options)
      : loop_(std::move(loop)), options_(std::move(options)) {
    house_.name = options_.name;
  }
  [[nodiscard]] Result<void> read_secrets();
  [[nodiscard]] Result<Address> address() const;
  [[nodiscard]] Result<void> listen();
  // Where that is.
  [[nodiscard]] Result<std::string> open_door(std::uint32_t display);
  void await_display(std::uint32_t display);
  void look_at_display(std::uint32_t display);
  void accept(const Door& door);
  void make_room();
  void clear_away();

  const std::unique_ptr<platform::EventLoop> loop_;
  const Options options_;
  House house_;
  platform::Errand open_;  // a display's door
  // Of displays that are not there yet, each of which gets a door when it comes.
  std::map<std::uint32_t, std::unique_ptr<frame::Reader>> awaited_;
  std::vector<std::string> addresses_;
  std::vector<std::unique_ptr<Door>> doors_;
  std::vector<std::unique_ptr<Viewer>> viewers_;  // the oldest first
  bool complained_ = false;                       // about too many
  platform::EventLoop::Watch pause_;
  std::thread thread_;  // last: it uses all of the above
};

}  // namespace hesper::screen::vnc
