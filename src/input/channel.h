// The input channel: what a viewer sends to hesper-gpu over a connection of its own, and what comes back. Messages of
// fixed sizes, both ends of one build; which build, the control connection has found out before it becomes a channel.
// What a channel holds down is let go when it closes.
#pragma once

#include <cstdint>

#include "input/sink.h"

namespace hesper::input {

enum class ChannelKind : std::uint16_t {  // a function of Sink each
  key = 1,                                // what: the key; a: 1 down, 0 up
  button = 2,                             // likewise
  move_to = 3,                            // what: the display; a, b: 0 to 65535
  move_by = 4,                            // a, b: steps
  scroll = 5,                             // a: vertical, b: horizontal, 120ths of a notch
  touch = 6,                              // finger; what: the display; a, b: 0 to 65535
  touch_end = 7,                          // finger
  flush = 8,
};

// From the viewer. What a kind does not use is 0.
struct ChannelMessage {
  ChannelKind kind{};
  std::uint16_t finger = 0;
  std::uint32_t what = 0;
  std::int32_t a = 0;
  std::int32_t b = 0;
  friend bool operator==(const ChannelMessage&, const ChannelMessage&) = default;
};
static_assert(sizeof(ChannelMessage) == 16);

// To the viewer: at the beginning, and after each change.
struct ChannelLeds {
  std::uint32_t lit = 0;  // kLedX
};
static_assert(sizeof(ChannelLeds) == 4);
inline constexpr std::uint32_t kLedNumLock = 1;
inline constexpr std::uint32_t kLedCapsLock = 2;
inline constexpr std::uint32_t kLedScrollLock = 4;

[[nodiscard]] constexpr ChannelLeds message_of(const Leds& leds) noexcept {
  return {.lit = (leds.num_lock ? kLedNumLock : 0) | (leds.caps_lock ? kLedCapsLock : 0) |
                 (leds.scroll_lock ? kLedScrollLock : 0)};
}
[[nodiscard]] constexpr Leds leds_of(const ChannelLeds& message) noexcept {
  return {.num_lock = (message.lit & kLedNumLock) != 0,
          .caps_lock = (message.lit & kLedCapsLock) != 0,
          .scroll_lock = (message.lit & kLedScrollLock) != 0};
}

}  // namespace hesper::input
