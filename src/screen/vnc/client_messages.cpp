// parse(): a function for each type of message.
#include "screen/vnc/client_messages.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <utility>

namespace hesper::screen::vnc {
namespace {

using Outcome = std::expected<Parsed, std::string>;
using Bytes = std::span<const std::byte>;

constexpr Parsed kIncomplete{};

bool is_channel(std::uint16_t max, std::uint8_t shift, std::uint8_t bits_per_pixel) {
  return std::has_single_bit(max + 1U) && max != 0 && shift + std::bit_width(max) <= bits_per_pixel;
}

Outcome set_pixel_format(Bytes bytes) {
  constexpr std::size_t kSize = 4 + kPixelFormatBytes;
  if (bytes.size() < kSize) return kIncomplete;
  const Bytes from = bytes.subspan(4);
  const PixelFormat format{.bits_per_pixel = u8_at(from, 0),
                           .depth = u8_at(from, 1),
                           .big_endian = u8_at(from, 2) != 0,
                           .red_max = u16_at(from, 4),
                           .green_max = u16_at(from, 6),
                           .blue_max = u16_at(from, 8),
                           .red_shift = u8_at(from, 10),
                           .green_shift = u8_at(from, 11),
                           .blue_shift = u8_at(from, 12)};
  if (u8_at(from, 3) == 0) return std::unexpected("It wants colours from a palette, which is not offered.");
  const std::uint8_t bits = format.bits_per_pixel;
  if ((bits != 8 && bits != 16 && bits != 32) || format.depth == 0 || format.depth > bits ||
      !is_channel(format.red_max, format.red_shift, bits) || !is_channel(format.green_max, format.green_shift, bits) ||
      !is_channel(format.blue_max, format.blue_shift, bits))
    return std::unexpected(fmt::format("Its pixel format ({} bits, depth {}) makes no sense.", bits, format.depth));
  return Parsed{.size = kSize, .message = SetPixelFormat{format}};
}

bool is_known(Encoding encoding) {
  switch (encoding) {
    case Encoding::raw:
    case Encoding::tight:
    case Encoding::zrle:
    case Encoding::desktop_size:
    case Encoding::cursor:
    case Encoding::qemu_extended_key_event:
    case Encoding::qemu_led_state:
    case Encoding::extended_desktop_size:
    case Encoding::cursor_with_alpha:
    case Encoding::extended_clipboard: return true;
    default: return encoding >= Encoding::jpeg_quality_0 && encoding <= Encoding::jpeg_quality_9;
  }
}

Outcome set_encodings(Bytes bytes) {
  constexpr std::size_t kMost = (kLongestMessage - 4) / 4;
  if (bytes.size() < 4) return kIncomplete;
  const std::size_t count = u16_at(bytes, 2);
  if (count > kMost) return std::unexpected(fmt::format("It lists {} encodings; at most {} are taken.", count, kMost));
  const std::size_t size = 4 + 4 * count;
  if (bytes.size() < size) return kIncomplete;
  SetEncodings message;
  for (std::size_t i = 0; i < count; ++i) {
    const auto encoding = static_cast<Encoding>(static_cast<std::int32_t>(u32_at(bytes, 4 + 4 * i)));
    if (is_known(encoding) && !std::ranges::contains(message.encodings, encoding))
      message.encodings.push_back(encoding);
  }
  return Parsed{.size = size, .message = std::move(message)};
}

Outcome framebuffer_update_request(Bytes bytes) {
  if (bytes.size() < 10) return kIncomplete;
  return Parsed{
      .size = 10,
      .message = FramebufferUpdateRequest{
          .incremental = u8_at(bytes, 1) != 0,
          .area = {
              .x = u16_at(bytes, 2), .y = u16_at(bytes, 4), .width = u16_at(bytes, 6), .height = u16_at(bytes, 8)}}};
}

Outcome key_event(Bytes bytes) {
  if (bytes.size() < 8) return kIncomplete;
  return Parsed{.size = 8, .message = KeyEvent{.down = u8_at(bytes, 1) != 0, .keysym = u32_at(bytes, 4)}};
}

Outcome pointer_event(Bytes bytes) {
  if (bytes.size() < 6) return kIncomplete;
  return Parsed{.size = 6,
                .message = PointerEvent{.buttons = u8_at(bytes, 1), .x = u16_at(bytes, 2), .y = u16_at(bytes, 4)}};
}

Outcome client_cut_text(Bytes bytes, std::size_t most_text) {
  if (bytes.size() < 8) return kIncomplete;
  // The extended clipboard's lengths are negative.
  const auto length = static_cast<std::int32_t>(u32_at(bytes, 4));
  const std::int64_t skip = length < 0 ? -std::int64_t{length} : length;
  if (std::cmp_greater(skip, kMostCutText))
    return std::unexpected(
        fmt::format("It sends {} bytes of clipboard at once; at most {} are taken.", skip, kMostCutText));
  const auto size = static_cast<std::size_t>(skip);
  if (size > most_text || (length < 0 && size < 4)) return Parsed{.size = 8, .skip = size};
  if (bytes.size() < 8 + size) return kIncomplete;
  const Bytes text = bytes.subspan(8, size);
  if (length >= 0) return Parsed{.size = 8 + size, .message = CutText{text}};
  return Parsed{.size = 8 + size, .message = ExtendedClipboard{.flags = u32_at(text, 0), .data = text.subspan(4)}};
}

Outcome set_desktop_size(Bytes bytes) {
  if (bytes.size() < 8) return kIncomplete;
  // Which screens there are is ours to say: of the layout only the size counts.
  const std::size_t size = 8 + std::size_t{16} * u8_at(bytes, 6);
  if (bytes.size() < size && size <= kLongestMessage) return kIncomplete;
  if (size > kLongestMessage) return std::unexpected("It asks for too many screens.");
  return Parsed{.size = size, .message = SetDesktopSize{.width = u16_at(bytes, 2), .height = u16_at(bytes, 4)}};
}

Outcome qemu(Bytes bytes) {
  if (bytes.size() < 2) return kIncomplete;
  if (u8_at(bytes, 1) != 0)
    return std::unexpected(fmt::format("It sends message {} of QEMU's, which was not offered.", u8_at(bytes, 1)));
  if (bytes.size() < 12) return kIncomplete;
  return Parsed{.size = 12,
                .message = ExtendedKeyEvent{
                    .down = u16_at(bytes, 2) != 0, .keysym = u32_at(bytes, 4), .keycode = u32_at(bytes, 8)}};
}

}  // namespace

Outcome parse(Bytes bytes, std::size_t most_text) {
  if (bytes.empty()) return kIncomplete;
  switch (static_cast<ClientMessageType>(u8_at(bytes, 0))) {
    case ClientMessageType::set_pixel_format: return set_pixel_format(bytes);
    case ClientMessageType::set_encodings: return set_encodings(bytes);
    case ClientMessageType::framebuffer_update_request: return framebuffer_update_request(bytes);
    case ClientMessageType::key_event: return key_event(bytes);
    case ClientMessageType::pointer_event: return pointer_event(bytes);
    case ClientMessageType::client_cut_text: return client_cut_text(bytes, most_text);
    case ClientMessageType::set_desktop_size: return set_desktop_size(bytes);
    case ClientMessageType::qemu: return qemu(bytes);
  }
  return std::unexpected(fmt::format("It sends a message of type {}, which does not exist.", u8_at(bytes, 0)));
}

}  // namespace hesper::screen::vnc
