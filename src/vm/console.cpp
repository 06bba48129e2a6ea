// Copying between terminal and guest. Nothing here waits: a terminal that is stopped (Ctrl-S) must not keep the
// launcher from its other duties, so output is written only when it will be taken, and otherwise stays in QEMU.
#include "vm/console.h"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <utility>

namespace hesper::vm {
namespace {

constexpr char kEscape = 1;                     // Ctrl-a
constexpr std::size_t kPart = 512;              // bytes; _POSIX_PIPE_BUF: what a writable pipe takes at once
constexpr std::size_t kMostForGuest = 1 << 16;  // bytes that wait for a guest that does not read

bool takes_output(int fd) {
  pollfd state{.fd = fd, .events = POLLOUT, .revents = 0};
  return ::poll(&state, 1, 0) > 0;  // also if nobody reads any more, and writing fails
}

}  // namespace

EscapeKeys::Typed EscapeKeys::take(std::string_view bytes) {
  Typed typed;
  for (const char c : bytes) {
    if (!std::exchange(escaped_, false)) {
      if (c == kEscape) {
        escaped_ = true;
      } else {
        typed.for_guest += c;
      }
      continue;
    }
    switch (c) {
      case 'x': typed.keys.push_back(Key::shut_down); break;
      case 'h': typed.keys.push_back(Key::help); break;
      case kEscape: typed.for_guest += kEscape; break;
      default: typed.for_guest += {kEscape, c};
    }
  }
  return typed;
}

RawTerminal::RawTerminal() {
  termios mode{};
  if (::isatty(STDIN_FILENO) == 0 || ::tcgetpgrp(STDIN_FILENO) != ::getpgrp() || ::tcgetattr(STDIN_FILENO, &mode) != 0)
    return;
  termios raw = mode;
  ::cfmakeraw(&raw);
  raw.c_oflag = mode.c_oflag;
  if (::tcsetattr(STDIN_FILENO, TCSANOW, &raw) == 0) before_ = mode;
}

RawTerminal::~RawTerminal() {
  if (before_) ::tcsetattr(STDIN_FILENO, TCSANOW, &*before_);
}

Console::Console(platform::EventLoop& loop, UniqueFd socket, Options options)
    : loop_(loop), socket_(std::move(socket)), options_(std::move(options)) {
  watch_guest();
  watch_user();
}

void Console::watch_guest() {
  guest_watch_ = loop_.when_readable(socket_.get(), [this] { from_guest(); });
}

void Console::watch_user() {
  user_watch_ = loop_.when_readable(options_.input, [this] { from_user(); });
}

void Console::from_guest() {
  if (!takes_output(options_.output)) {
    guest_watch_ = {};
    return;
  }
  std::array<char, kPart> bytes;
  const ssize_t size = ::recv(socket_.get(), bytes.data(), bytes.size(), MSG_DONTWAIT);
  if (size < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (size <= 0) {
    guest_watch_ = {};
    socket_ = UniqueFd();
    return;
  }
  // Who has closed our output does not want it.
  for (ssize_t done = 0; done < size;) {
    const ssize_t written = ::write(options_.output, bytes.data() + done, static_cast<std::size_t>(size - done));
    if (written < 0 && errno != EINTR) return;
    if (written > 0) done += written;
  }
}

void Console::from_user() {
  if (for_guest_.size() > kMostForGuest) {
    user_watch_ = {};
    return;
  }
  std::array<char, kPart> bytes;
  const ssize_t size = ::read(options_.input, bytes.data(), bytes.size());
  if (size < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (size <= 0) {
    user_watch_ = {};
    user_left_ = true;
    return;
  }
  const std::string_view text(bytes.data(), static_cast<std::size_t>(size));
  if (!options_.keys) {
    for_guest_ += text;
    return send();
  }
  auto typed = escape_keys_.take(text);
  for_guest_ += typed.for_guest;
  send();
  for (const auto key : typed.keys) options_.on_key(key);
}

void Console::send() {
  while (socket_ && !for_guest_.empty()) {
    const ssize_t sent = ::send(socket_.get(), for_guest_.data(), for_guest_.size(), MSG_DONTWAIT);
    if (sent < 0 && errno == EINTR) continue;
    if (sent <= 0) return;
    for_guest_.erase(0, static_cast<std::size_t>(sent));
  }
}

bool Console::is_stuck() const noexcept {
  return socket_ && (!guest_watch_ || !for_guest_.empty() || (!user_watch_ && !user_left_));
}

void Console::go_on() {
  if (!socket_) return;
  send();
  if (!guest_watch_) watch_guest();
  if (!user_watch_ && !user_left_ && for_guest_.size() <= kMostForGuest) watch_user();
}

void Console::finish() {
  while (socket_ && takes_output(options_.output)) {
    pollfd state{.fd = socket_.get(), .events = POLLIN, .revents = 0};
    if (::poll(&state, 1, 0) <= 0) return;
    from_guest();
  }
}

}  // namespace hesper::vm
