// Sink: what somebody at a screen does with keys and pointers, on its way into the guest. Knows no device.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

namespace hesper::input {

// Numbers of Linux's input-event-codes.h: KEY_x, and buttons BTN_x from 0x110 on.
enum class KeyCode : std::uint16_t {};

// Bits of what a keyboard shows.
struct Leds {
  bool num_lock = false;
  bool caps_lock = false;
  bool scroll_lock = false;
  friend bool operator==(const Leds&, const Leds&) = default;
};

// One who types and points: a viewer. What it holds down when it is destroyed is let go. Any thread, one at a time;
// never waits: what the guest does not take for long is dropped, but for releases.
class Sink {
 public:
  virtual ~Sink() = default;

  // Repetition is the guest's. A key that is down already, or up, is as it is.
  virtual void key(KeyCode code, bool down) = 0;
  virtual void button(KeyCode code, bool down) = 0;
  // On display `display`: 0 to 65535 from its left to its right edge, and from top to bottom.
  virtual void move_to(std::uint32_t display, std::uint16_t x, std::uint16_t y) = 0;
  // By so many steps of a mouse.
  virtual void move_by(std::int32_t x, std::int32_t y) = 0;
  // In 120ths of a notch; up and right are positive.
  virtual void scroll(std::int32_t vertical, std::int32_t horizontal) = 0;
  // A finger, 0 to 9, has come to this place of the display, coordinates as of move_to(), or has left.
  virtual void touch(std::uint32_t finger, std::uint32_t display, std::uint16_t x, std::uint16_t y) = 0;
  virtual void touch_end(std::uint32_t finger) = 0;
  // All of that since the last call happened at once, and goes now.
  virtual void flush() = 0;
};

// Where viewers get their Sink from. Any thread. Outlives the sinks.
class Input {
 public:
  virtual ~Input() = default;
  // on_leds: called with the present state, as soon as that is known, and when it changes, on any thread; must not call
  // back, nor wait for a lock that is held while the sink is destroyed. Not called once the sink is.
  [[nodiscard]] virtual std::unique_ptr<Sink> join(std::function<void(Leds)> on_leds) = 0;
};

}  // namespace hesper::input
