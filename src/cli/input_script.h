// InputScript: what `hesper input` is told, a line at a time: keys, pointers and fingers for scripts and tests.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "input/sink.h"

namespace hesper::cli {

// What each line may be; also the manual of the command.
//
//   type TEXT                  the rest of the line, as on a US keyboard; \n is Enter, \t Tab, \\ a backslash
//   key CHORD                  press and release: a, f2, ctrl+alt+delete
//   down KEY, up KEY           a key, or left, right, middle, side, extra with "button-" before it
//   click [BUTTON]             press and release: left, unless it is another
//   move X Y [DISPLAY]         the pointer to this pixel
//   by X Y                     the pointer by so many steps of a mouse
//   scroll V [H]               notches, as 1 or -0.5; up and right are positive
//   touch FINGER X Y [DISPLAY] a finger, 0 to 9, comes to this pixel
//   lift FINGER
//   wait MILLISECONDS
//   leds                       print which lights are on: num-lock, caps-lock, scroll-lock
//
// Empty lines and those that begin with # do nothing.
class InputScript {
 public:
  struct Size {
    std::uint32_t width = 0;  // pixels
    std::uint32_t height = 0;
  };
  struct Surroundings {
    std::function<std::optional<Size>(std::uint32_t display)> size_of;  // of what it shows; nothing: it is not there
    std::function<void(std::chrono::milliseconds)> wait;
    std::function<void()> print_leds;
  };
  // Between two keys of `type`, so that the guest keeps up.
  static constexpr std::chrono::milliseconds kBetweenKeys{8};

  // sink: outlives this.
  InputScript(input::Sink& sink, Surroundings surroundings) : sink_(sink), surroundings_(std::move(surroundings)) {}

  // Errors: the line cannot be understood, a sentence that quotes it. Nothing is done then.
  [[nodiscard]] Result<void> execute(std::string_view line);

 private:
  using Words = std::vector<std::string>;

  [[nodiscard]] Result<void> type(std::string_view text);
  [[nodiscard]] Result<void> press_chord(std::string_view chord);
  [[nodiscard]] Result<void> hold(const std::string& name, bool down);
  [[nodiscard]] Result<void> click(const std::string& name);
  [[nodiscard]] Result<void> point(const Words& words, std::optional<std::uint32_t> finger);

  input::Sink& sink_;
  Surroundings surroundings_;
};

}  // namespace hesper::cli
