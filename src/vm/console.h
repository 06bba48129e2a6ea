// Console: the guest's serial line on this process's terminal: bytes both ways, the terminal in raw mode meanwhile, and
// the keys that are ours, after Ctrl-a, as in QEMU.
#pragma once

#include <termios.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/unique_fd.h"
#include "platform/event_loop.h"

namespace hesper::vm {

// Takes our keys out of what a user types.
class EscapeKeys {
 public:
  enum class Key : std::uint8_t { shut_down, help };  // Ctrl-a x, Ctrl-a h
  struct Typed {
    std::string for_guest;
    std::vector<Key> keys;
  };
  // Ctrl-a twice is one for the guest; with another character after it both are the guest's.
  [[nodiscard]] Typed take(std::string_view bytes);

 private:
  bool escaped_ = false;
};

// Raw mode for what is typed; what is printed stays as it is, so that our own lines look right. Only if standard input
// is a terminal and we are in its foreground.
class RawTerminal {
 public:
  RawTerminal();
  RawTerminal(const RawTerminal&) = delete;
  RawTerminal& operator=(const RawTerminal&) = delete;
  ~RawTerminal();
  // The mode before; nothing where there is no such terminal.
  [[nodiscard]] const std::optional<termios>& before() const noexcept { return before_; }

 private:
  std::optional<termios> before_;
};

// The loop's thread only.
class Console {
 public:
  struct Options {
    int input = 0;      // borrowed; its end is no reason to end
    int output = 1;     // borrowed
    bool keys = false;  // ours are taken out of the input
    std::function<void(EscapeKeys::Key)> on_key;
  };
  // socket: connected to QEMU's character device.
  Console(platform::EventLoop& loop, UniqueFd socket, Options options);
  Console(const Console&) = delete;
  Console& operator=(const Console&) = delete;

  // True: one side takes nothing at present, and go_on() must be called every now and then.
  [[nodiscard]] bool is_stuck() const noexcept;
  void go_on();
  // Prints what has come and is not printed yet, as far as the output takes it at once.
  void finish();

 private:
  void from_guest();
  void from_user();
  void send();
  void watch_guest();
  void watch_user();

  platform::EventLoop& loop_;
  UniqueFd socket_;
  Options options_;
  EscapeKeys escape_keys_;
  std::string for_guest_;
  bool user_left_ = false;
  platform::EventLoop::Watch guest_watch_;
  platform::EventLoop::Watch user_watch_;
};

}  // namespace hesper::vm
