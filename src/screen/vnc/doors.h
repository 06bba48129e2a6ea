// Doors: where displays listen for VNC viewers: a port or a path each. Opens them; who comes in is the server's
// business.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/error.h"
#include "platform/errands.h"
#include "platform/socket.h"
#include "screen/state.h"
#include "screen/vnc/address.h"

namespace hesper::screen::vnc {

// One thread. Removes the paths at its end.
class Doors {
 public:
  // state: where ports are looked up and remembered; outlives this.
  Doors(Address address, State& state) noexcept : address_(std::move(address)), state_(state) {}
  Doors(const Doors&) = delete;
  Doors& operator=(const Doors&) = delete;

  // A socket that listens, and where: "127.0.0.1:5901". Once for each display.
  // Errors: EINVAL for what is no display or has a door; EADDRINUSE and what else binding refuses.
  [[nodiscard]] Result<platform::Brought> open(std::uint32_t display);

 private:
  [[nodiscard]] Result<platform::Brought> open_path();
  [[nodiscard]] Result<platform::Brought> open_port(const std::string& name);

  const Address address_;
  State& state_;
  std::set<std::uint32_t> displays_;
  std::size_t opened_ = 0;
  std::vector<platform::Listener> paths_;
};

}  // namespace hesper::screen::vnc
