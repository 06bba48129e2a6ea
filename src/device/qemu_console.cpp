// QemuConsole: composes one message at a time.
#include "device/qemu_console.h"

#include <algorithm>
#include <cstring>
#include <span>
#include <utility>

#include "base/log.h"
#include "platform/socket.h"

namespace hesper::device {
namespace {

enum class Request : std::uint32_t {
  cursor_pos = 4,
  cursor_pos_hide = 5,
  cursor_update = 6,
  scanout = 7,
  update = 8,
};

struct Header {
  std::uint32_t request;
  std::uint32_t flags;
  std::uint32_t size;  // of what follows, bytes
};
struct CursorPos {
  std::uint32_t scanout;
  std::uint32_t x;
  std::uint32_t y;
};
struct CursorUpdate {
  CursorPos pos;
  std::uint32_t hot_x;
  std::uint32_t hot_y;  // then the pixels
};
struct Scanout {
  std::uint32_t scanout;
  std::uint32_t width;  // 0: off
  std::uint32_t height;
};
struct Update {
  std::uint32_t scanout;
  std::uint32_t x;
  std::uint32_t y;
  std::uint32_t width;
  std::uint32_t height;  // then the pixels, b8g8r8x8, without gaps
};

template <class T>
std::span<const std::byte> bytes_of(const T& value) {
  return std::as_bytes(std::span(&value, 1));
}

// The smallest that covers both.
gpu::Rect unite(const gpu::Rect& a, const gpu::Rect& b) {
  if (a.empty()) return b;
  if (b.empty()) return a;
  const std::uint32_t x = std::min(a.x, b.x);
  const std::uint32_t y = std::min(a.y, b.y);
  return {.x = x,
          .y = y,
          .width = static_cast<std::uint32_t>(std::max(a.right(), b.right()) - x),
          .height = static_cast<std::uint32_t>(std::max(a.bottom(), b.bottom()) - y)};
}

}  // namespace

void QemuConsole::connect(UniqueFd socket) {
  disconnect();
  socket_ = std::move(socket);
  for (Screen& screen : screens_) {
    screen.told = {};
    screen.cursor_changed = screen.cursor.has_value();
  }
  // Nothing of what we send is answered; what comes all the same is not read into anything.
  readable_ = loop_.when_readable(socket_.get(), [this] {
    std::array<std::byte, 4096> ignored{};
    const auto part = platform::receive_part(socket_.get(), ignored, 0);
    if (part.closed) disconnect();
  });
  send();
}

void QemuConsole::disconnect() {
  readable_ = {};
  writable_ = {};
  message_.clear();
  sent_ = 0;
  socket_ = UniqueFd();
}

void QemuConsole::set_scanout(std::uint32_t scanout, const gpu::Picture* picture, const gpu::Rect& part) {
  Screen& screen = screens_[scanout];
  screen.picture = picture;
  screen.part = part;
  screen.damage = {};
  send();
}

void QemuConsole::flushed(std::uint32_t scanout, const gpu::Rect& damage) {
  Screen& screen = screens_[scanout];
  const gpu::Rect seen = intersect(damage, screen.part);
  if (seen.empty()) return;
  const gpu::Rect moved{
      .x = seen.x - screen.part.x, .y = seen.y - screen.part.y, .width = seen.width, .height = seen.height};
  screen.damage = unite(screen.damage, moved);
  send();
}

void QemuConsole::set_cursor(std::uint32_t scanout, const gpu::Cursor* cursor, gpu::Point position) {
  Screen& screen = screens_[scanout];
  if (cursor == nullptr)
    screen.cursor.reset();
  else
    screen.cursor = *cursor;
  screen.position = position;
  screen.cursor_changed = true;
  send();
}

void QemuConsole::move_cursor(std::uint32_t scanout, gpu::Point position) {
  screens_[scanout].position = position;
  screens_[scanout].cursor_moved = true;
  send();
}

void QemuConsole::send() {
  if (!socket_) return;
  for (;;) {
    if (sent_ == message_.size() && !compose()) {
      writable_ = {};
      return;
    }
    const auto part = platform::send_part(socket_.get(), std::span(message_).subspan(sent_));
    if (part.broken) {
      log::info("QEMU's screens are gone.");
      return disconnect();
    }
    sent_ += part.size;
    if (part.size != 0) continue;
    if (!writable_) writable_ = loop_.when_writable(socket_.get(), [this] { send(); });
    return;
  }
}

// False: QEMU knows all.
bool QemuConsole::compose() {
  message_.clear();
  sent_ = 0;
  for (std::uint32_t i = 0; i < screens_.size(); ++i) {
    const std::uint32_t number = (next_ + i) % static_cast<std::uint32_t>(screens_.size());
    if (!compose(number, screens_[number])) continue;
    next_ = number + 1;
    return true;
  }
  return false;
}

bool QemuConsole::compose(std::uint32_t number, Screen& screen) {
  const bool shows = screen.picture != nullptr && !screen.part.empty();
  const Size size = shows ? Size{.width = screen.part.width, .height = screen.part.height} : Size{};
  if (screen.told != size) {
    screen.told = size;
    // A new surface is black: all of it is to be sent.
    screen.damage = {.x = 0, .y = 0, .width = size.width, .height = size.height};
    append(std::to_underlying(Request::scanout),
           bytes_of(Scanout{.scanout = number, .width = size.width, .height = size.height}), 0);
    return true;
  }
  const CursorPos pos{.scanout = number,
                      .x = static_cast<std::uint32_t>(screen.position.x),
                      .y = static_cast<std::uint32_t>(screen.position.y)};
  if (screen.cursor_changed) {
    screen.cursor_changed = screen.cursor_moved = false;
    if (!screen.cursor) {
      append(std::to_underlying(Request::cursor_pos_hide), bytes_of(pos), 0);
      return true;
    }
    const auto& pixels = screen.cursor->pixels;
    append(std::to_underlying(Request::cursor_update),
           bytes_of(CursorUpdate{.pos = pos, .hot_x = screen.cursor->hot_x, .hot_y = screen.cursor->hot_y}),
           pixels.size());
    message_.insert(message_.end(), pixels.begin(), pixels.end());
    return true;
  }
  if (screen.cursor_moved) {
    screen.cursor_moved = false;
    append(std::to_underlying(Request::cursor_pos), bytes_of(pos), 0);
    return true;
  }
  if (shows && !screen.damage.empty()) {
    compose_update(number, screen);
    return !message_.empty();
  }
  return false;
}

void QemuConsole::compose_update(std::uint32_t number, Screen& screen) {
  const std::size_t row = std::size_t{screen.damage.width} * gpu::kBytesPerPixel;
  const auto rows =
      static_cast<std::uint32_t>(std::clamp<std::size_t>(kBand / row, 1, std::size_t{screen.damage.height}));
  const gpu::Rect band{.x = screen.damage.x, .y = screen.damage.y, .width = screen.damage.width, .height = rows};
  screen.damage.y += rows;
  screen.damage.height -= rows;
  append(std::to_underlying(Request::update),
         bytes_of(Update{.scanout = number, .x = band.x, .y = band.y, .width = band.width, .height = band.height}),
         row * rows);
  const std::size_t head = message_.size();
  message_.resize(head + row * rows);
  row_.resize(row);
  for (std::uint32_t y = 0; y < rows; ++y) {
    const gpu::Rect line{
        .x = screen.part.x + band.x, .y = screen.part.y + band.y + y, .width = band.width, .height = 1};
    if (!gpu::copy_pixels(*screen.picture, line, row_, row)) {
      // The memory is gone; the guest will show something else.
      message_.clear();
      screen.damage = {};
      return;
    }
    gpu::convert_to_b8g8r8a8(screen.picture->format, row_, std::span(message_).subspan(head + y * row, row));
  }
}

// A message's beginning; `more` bytes of payload follow.
void QemuConsole::append(std::uint32_t request, std::span<const std::byte> payload, std::size_t more) {
  const Header header{.request = request, .flags = 0, .size = static_cast<std::uint32_t>(payload.size() + more)};
  const auto head = bytes_of(header);
  message_.insert(message_.end(), head.begin(), head.end());
  message_.insert(message_.end(), payload.begin(), payload.end());
}

}  // namespace hesper::device
