// The control connection of hesper-gpu: what `hesper screenshot`, `hesper display` and `hesper top` ask it. One request
// of fixed size, one reply of fixed size, any number of times. Both ends are of one build; the version says if they are
// not.
//
// Only this user can connect (the socket's mode). A client reads sizes that the guest chose, and checks them against
// the file that comes along.
#pragma once

#include <array>
#include <cstdint>

namespace hesper::device {

inline constexpr std::uint32_t kControlVersion = 0x48530004;  // first in every message

enum class ControlCommand : std::uint32_t {
  screenshot = 1,   // what a display shows; an fd comes with the reply
  set_display = 2,  // its mode, or that it is not connected
  add_display = 3,  // connects the first one that is not; `display` of the request does not count
  report = 4,       // a DeviceReport; an fd comes with the reply; nothing else of the request counts
  subscribe = 5,    // after the reply, the connection is a feed of the displays: frame/protocol.h
  input = 6,        // after the reply, the connection is an input channel: input/channel.h
  input_tap = 7,    // after the reply, the connection takes input for which the guest has no driver: input/tap.h
};

struct ControlRequest {
  std::uint32_t version = kControlVersion;
  ControlCommand command{};
  std::uint32_t display = 0;  // scanout
  // set_display, add_display:
  std::uint32_t connected = 0;    // 0 or 1; 0: the rest does not count
  std::uint32_t width = 0;        // pixels
  std::uint32_t height = 0;       // likewise
  std::uint32_t refresh_mhz = 0;  // millihertz
  std::uint32_t padding = 0;
};
static_assert(sizeof(ControlRequest) == 32);

struct ControlReply {
  std::uint32_t version = kControlVersion;
  std::uint32_t error = 0;  // an errno; 0: done
  // screenshot: what the file has in it, see Snapshot.
  std::uint32_t width = 0;
  std::uint32_t height = 0;
  std::uint32_t has_cursor = 0;
  std::int32_t cursor_x = 0;
  std::int32_t cursor_y = 0;
  std::uint32_t display = 0;  // add_display: which one it is
  std::uint64_t flushes = 0;
  std::array<char, 216> message{};  // of an error: a sentence, ended by zero
};
static_assert(sizeof(ControlReply) == 256);

}  // namespace hesper::device
