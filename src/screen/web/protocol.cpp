// The messages' bytes. docs/web.md has the tables.
#include "screen/web/protocol.h"

#include <algorithm>
#include <array>
#include <bit>
#include <concepts>
#include <cstring>
#include <utility>

#include "gpu/protocol.h"

namespace hesper::screen::web {
namespace {

enum class ServerType : std::uint8_t {
  video = 1,
  welcome = 2,
  config = 3,
  displays = 4,
  cursor_shape = 5,
  cursor = 6,
  leds = 7,
  blank = 8,
  pong = 9,
  statistics = 10,
  notice = 11,
  clipboard = 12,
  clipboard_ways = 13,
};

enum class ViewerType : std::uint8_t {
  hello = 0x81,
  acknowledge = 0x82,
  want_key = 0x83,
  want_mode = 0x84,
  attention = 0x85,
  ping = 0x86,
  input = 0x90,
  clipboard = 0x91,
};

enum class EventType : std::uint8_t {
  key = 1,
  button = 2,
  move_to = 3,
  move_by = 4,
  scroll = 5,
  touch = 6,
  touch_end = 7,
};

constexpr std::uint32_t kMaxMode = 16384;
constexpr std::uint16_t kFirstButton = 0x110;  // BTN_LEFT to BTN_TASK
constexpr std::uint16_t kLastButton = 0x117;
constexpr std::uint8_t kFingers = 10;
// Of a relative move or the wheel at once: more than any hand does, and far from what sums could overflow with.
constexpr std::int32_t kMaxStep = 1 << 20;

class Writer {
 public:
  Writer(ServerType type, std::size_t room) {
    message_.reserve(1 + room);
    put(std::to_underlying(type));
  }

  template <std::integral T>
  Writer& put(T value) {
    auto bytes = std::bit_cast<std::array<std::byte, sizeof(T)>>(value);
    if constexpr (std::endian::native == std::endian::big) std::ranges::reverse(bytes);
    message_.insert(message_.end(), bytes.begin(), bytes.end());
    return *this;
  }

  Writer& zeros(std::size_t count) {
    message_.resize(message_.size() + count);
    return *this;
  }

  Writer& text(std::string_view text) {
    const auto bytes = std::as_bytes(std::span(text));
    message_.insert(message_.end(), bytes.begin(), bytes.end());
    return *this;
  }

  [[nodiscard]] Message take() { return std::move(message_); }

 private:
  Message message_;
};

// Reads past the end give zeros, and ok() is then false.
class Reader {
 public:
  explicit Reader(std::span<const std::byte> bytes) noexcept : bytes_(bytes) {}

  template <std::integral T>
  T get() noexcept {
    std::array<std::byte, sizeof(T)> bytes{};
    if (bytes_.size() < sizeof(T)) {
      ok_ = false;
      bytes_ = {};
      return T{};
    }
    std::ranges::copy(bytes_.first(sizeof(T)), bytes.begin());
    bytes_ = bytes_.subspan(sizeof(T));
    if constexpr (std::endian::native == std::endian::big) std::ranges::reverse(bytes);
    return std::bit_cast<T>(bytes);
  }

  void skip(std::size_t count) noexcept {
    for (std::size_t i = 0; i < count; ++i) (void)get<std::uint8_t>();
  }

  [[nodiscard]] bool ok() const noexcept { return ok_; }
  [[nodiscard]] bool at_end() const noexcept { return bytes_.empty(); }

 private:
  std::span<const std::byte> bytes_;
  bool ok_ = true;
};

bool is_step(std::int32_t value) { return value >= -kMaxStep && value <= kMaxStep; }

// 0 and 1 only.
std::optional<bool> read_bool(Reader& reader) {
  const auto value = reader.get<std::uint8_t>();
  if (value > 1) return std::nullopt;
  return value == 1;
}

std::optional<InputEvent> read_event(Reader& reader) {
  switch (static_cast<EventType>(reader.get<std::uint8_t>())) {
    case EventType::key: {
      const auto code = reader.get<std::uint16_t>();
      const auto down = read_bool(reader);
      // Keys that a keyboard of a page can have; code 0 is "reserved", those from 0x100 on are buttons.
      if (!down || code == 0 || code >= 0x100) return std::nullopt;
      return KeyEvent{.code = input::KeyCode{code}, .down = *down};
    }
    case EventType::button: {
      const auto code = reader.get<std::uint16_t>();
      const auto down = read_bool(reader);
      if (!down || code < kFirstButton || code > kLastButton) return std::nullopt;
      return ButtonEvent{.code = input::KeyCode{code}, .down = *down};
    }
    case EventType::move_to: {
      const auto x = reader.get<std::uint16_t>();
      const auto y = reader.get<std::uint16_t>();
      return MoveTo{.x = x, .y = y};
    }
    case EventType::move_by: {
      const auto x = reader.get<std::int32_t>();
      const auto y = reader.get<std::int32_t>();
      if (!is_step(x) || !is_step(y)) return std::nullopt;
      return MoveBy{.x = x, .y = y};
    }
    case EventType::scroll: {
      const auto vertical = reader.get<std::int32_t>();
      const auto horizontal = reader.get<std::int32_t>();
      if (!is_step(vertical) || !is_step(horizontal)) return std::nullopt;
      return Scroll{.vertical = vertical, .horizontal = horizontal};
    }
    case EventType::touch: {
      const auto finger = reader.get<std::uint8_t>();
      const auto x = reader.get<std::uint16_t>();
      const auto y = reader.get<std::uint16_t>();
      if (finger >= kFingers) return std::nullopt;
      return Touch{.finger = finger, .x = x, .y = y};
    }
    case EventType::touch_end: {
      const auto finger = reader.get<std::uint8_t>();
      if (finger >= kFingers) return std::nullopt;
      return TouchEnd{.finger = finger};
    }
  }
  return std::nullopt;
}

std::optional<ViewerMessage> read_hello(Reader& reader) {
  Hello hello;
  hello.display = reader.get<std::uint8_t>();
  hello.version = reader.get<std::uint16_t>();
  const auto picture = reader.get<std::uint8_t>();
  hello.codecs = reader.get<std::uint8_t>();
  hello.max_fps = reader.get<std::uint8_t>();
  reader.skip(1);
  if (hello.display >= gpu::VIRTIO_GPU_MAX_SCANOUTS || picture > std::to_underlying(PictureKind::lossless))
    return std::nullopt;
  hello.picture = static_cast<PictureKind>(picture);
  return hello;
}

std::optional<ViewerMessage> read_acknowledge(Reader& reader) {
  Acknowledge acknowledge;
  acknowledge.waiting = reader.get<std::uint8_t>();
  reader.skip(2);
  acknowledge.frame = reader.get<std::uint32_t>();
  acknowledge.received = reader.get<std::uint64_t>();
  acknowledge.painted = reader.get<std::uint64_t>();
  return acknowledge;
}

std::optional<ViewerMessage> read_want_mode(Reader& reader) {
  WantMode mode;
  reader.skip(3);
  mode.width = reader.get<std::uint16_t>();
  mode.height = reader.get<std::uint16_t>();
  mode.refresh_mhz = reader.get<std::uint32_t>();
  if (mode.width == 0 || mode.height == 0 || mode.width > kMaxMode || mode.height > kMaxMode) return std::nullopt;
  return mode;
}

std::optional<ViewerMessage> read_attention(Reader& reader) {
  const auto visible = read_bool(reader);
  const auto statistics = read_bool(reader);
  reader.skip(1);
  if (!visible || !statistics) return std::nullopt;
  return Attention{.visible = *visible, .statistics = *statistics};
}

std::optional<ViewerMessage> read_ping(Reader& reader) {
  Ping ping;
  reader.skip(3);
  ping.number = reader.get<std::uint32_t>();
  ping.viewer_time = reader.get<std::uint64_t>();
  return ping;
}

std::optional<ViewerMessage> read_input(Reader& reader) {
  InputEvents input;
  while (!reader.at_end()) {
    const auto event = read_event(reader);
    if (!event) return std::nullopt;
    input.events.push_back(*event);
  }
  return input;
}

std::optional<ViewerMessage> read_body(ViewerType type, Reader& reader) {
  switch (type) {
    case ViewerType::hello: return read_hello(reader);
    case ViewerType::acknowledge: return read_acknowledge(reader);
    case ViewerType::want_key: reader.skip(3); return WantKey{};
    case ViewerType::want_mode: return read_want_mode(reader);
    case ViewerType::attention: return read_attention(reader);
    case ViewerType::ping: return read_ping(reader);
    case ViewerType::input: return read_input(reader);
    case ViewerType::clipboard: break;  // read as a whole, below
  }
  return std::nullopt;
}

// The part of a cursor that can be seen; at least one pixel.
gpu::Rect visible_part(const gpu::Cursor& cursor) {
  std::uint32_t left = gpu::kCursorSize;
  std::uint32_t top = gpu::kCursorSize;
  std::uint32_t right = 0;
  std::uint32_t bottom = 0;
  for (std::uint32_t y = 0; y < gpu::kCursorSize; ++y) {
    for (std::uint32_t x = 0; x < gpu::kCursorSize; ++x) {
      if (cursor.pixels[gpu::kBytesPerPixel * (std::size_t{y} * gpu::kCursorSize + x) + 3] == std::byte{0}) continue;
      left = std::min(left, x);
      top = std::min(top, y);
      right = std::max(right, x + 1);
      bottom = std::max(bottom, y + 1);
    }
  }
  // Browsers take a hot spot within the picture only.
  left = std::min(left, cursor.hot_x);
  top = std::min(top, cursor.hot_y);
  right = std::max(right, cursor.hot_x + 1);
  bottom = std::max(bottom, cursor.hot_y + 1);
  return {.x = left, .y = top, .width = right - left, .height = bottom - top};
}

std::byte straight(std::byte premultiplied, unsigned alpha) {
  if (alpha == 0) return std::byte{0};
  return std::byte(std::min(255U, (std::to_integer<unsigned>(premultiplied) * 255 + alpha / 2) / alpha));
}

}  // namespace

Message video_message(const VideoHeader& header, std::size_t room) {
  return Writer(ServerType::video, kVideoHeaderSize + room)
      .put(std::to_underlying(header.codec))
      .put(header.flags)
      .put(header.frame)
      .put(header.captured)
      .put(header.encode_time)
      .put(header.width)
      .put(header.height)
      .take();
}

Message welcome_message(bool view_only, std::uint64_t server_time_us) {
  return Writer(ServerType::welcome, 11).put(std::uint8_t{view_only}).put(kProtocolVersion).put(server_time_us).take();
}

Message config_message(PictureCodec codec, std::uint32_t width, std::uint32_t height, std::string_view codec_string) {
  return Writer(ServerType::config, 11 + codec_string.size())
      .put(std::to_underlying(codec))
      .zeros(2)
      .put(width)
      .put(height)
      .text(codec_string)
      .take();
}

Message displays_message(std::span<const frame::DisplayInfo> displays) {
  Writer writer(ServerType::displays, 1 + 13 * displays.size());
  writer.put(static_cast<std::uint8_t>(std::ranges::count_if(displays, &frame::DisplayInfo::connected)));
  for (std::size_t number = 0; number < displays.size(); ++number) {
    const auto& info = displays[number];
    if (!info.connected) continue;
    writer.put(static_cast<std::uint8_t>(number)).put(info.width).put(info.height).put(info.refresh_mhz);
  }
  return writer.take();
}

Message cursor_shape_message(std::uint32_t id, const gpu::Cursor& cursor) {
  const gpu::Rect part = visible_part(cursor);
  Writer writer(ServerType::cursor_shape, 11 + std::size_t{4} * part.width * part.height);
  writer.put(static_cast<std::uint8_t>(part.width))
      .put(static_cast<std::uint8_t>(part.height))
      .put(static_cast<std::uint8_t>(cursor.hot_x - part.x))
      .put(static_cast<std::uint8_t>(cursor.hot_y - part.y))
      .zeros(3)
      .put(id);
  for (std::uint32_t y = part.y; y < part.bottom(); ++y) {
    for (std::uint32_t x = part.x; x < part.right(); ++x) {
      const std::byte* pixel = &cursor.pixels[gpu::kBytesPerPixel * (std::size_t{y} * gpu::kCursorSize + x)];
      const auto alpha = std::to_integer<unsigned>(pixel[3]);
      for (const auto channel : {std::size_t{2}, std::size_t{1}, std::size_t{0}})
        writer.put(std::to_integer<std::uint8_t>(straight(pixel[channel], alpha)));
      writer.put(static_cast<std::uint8_t>(alpha));
    }
  }
  return writer.take();
}

Message cursor_message(std::uint32_t id, gpu::Point position) {
  return Writer(ServerType::cursor, 15).zeros(3).put(id).put(position.x).put(position.y).take();
}

Message leds_message(input::Leds leds) {
  const auto bits = (leds.num_lock ? 1U : 0U) | (leds.caps_lock ? 2U : 0U) | (leds.scroll_lock ? 4U : 0U);
  return Writer(ServerType::leds, 1).put(static_cast<std::uint8_t>(bits)).take();
}

Message blank_message() { return Writer(ServerType::blank, 0).take(); }

Message pong_message(std::uint32_t number, std::uint64_t viewer_time, std::uint64_t server_time_us) {
  return Writer(ServerType::pong, 23).zeros(3).put(number).put(viewer_time).put(server_time_us).take();
}

Message statistics_message(std::string_view json) {
  return Writer(ServerType::statistics, json.size()).text(json).take();
}

Message notice_message(Notice level, std::string_view text) {
  return Writer(ServerType::notice, 1 + text.size()).put(std::to_underlying(level)).text(text).take();
}

Message clipboard_ways_message(clipboard::Ways ways, std::size_t most_bytes) {
  const auto bits = (ways.to_guest ? 1U : 0U) | (ways.from_guest ? 2U : 0U);
  return Writer(ServerType::clipboard_ways, 7)
      .put(static_cast<std::uint8_t>(bits))
      .zeros(2)
      .put(static_cast<std::uint32_t>(most_bytes))
      .take();
}

Message clipboard_message(std::string_view text) {
  return Writer(ServerType::clipboard, 3 + text.size()).zeros(3).text(text).take();
}

std::optional<ViewerMessage> read_viewer_message(std::span<const std::byte> bytes, std::size_t most_text) {
  if (bytes.empty()) return std::nullopt;
  if (bytes[0] == static_cast<std::byte>(ViewerType::clipboard)) {
    if (bytes.size() < kClipboardHeader || bytes.size() - kClipboardHeader > most_text) return std::nullopt;
    const auto text = bytes.subspan(kClipboardHeader);
    // SAFETY: char may look at any bytes.
    return ClipboardText{.text = std::string(reinterpret_cast<const char*>(text.data()), text.size())};
  }
  if (bytes.size() > kMaxViewerMessage) return std::nullopt;
  Reader reader(bytes);
  auto message = read_body(static_cast<ViewerType>(reader.get<std::uint8_t>()), reader);
  if (!reader.ok() || !reader.at_end()) return std::nullopt;
  return message;
}

}  // namespace hesper::screen::web
