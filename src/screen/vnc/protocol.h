// RFB, the protocol of VNC, as numbers and structs: what both ends write. Reads and writes nothing.
// Spec: RFC 6143 "The Remote Framebuffer Protocol"; what is not in it: "The RFB Protocol", community version
// (rfbproto.rst): Tight, ExtendedDesktopSize, VeNCrypt, QEMU's pseudo-encodings. All numbers are big-endian.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace hesper::screen::vnc {

inline constexpr std::string_view kVersion = "RFB 003.008\n";

enum class SecurityType : std::uint8_t { invalid = 0, none = 1, vnc_authentication = 2, vencrypt = 19 };

// Of VeNCrypt: TLS with a certificate, then one of those.
enum class VencryptSubtype : std::uint32_t { x509_none = 260, x509_vnc = 261, x509_plain = 262 };

enum class ClientMessageType : std::uint8_t {
  set_pixel_format = 0,
  set_encodings = 2,
  framebuffer_update_request = 3,
  key_event = 4,
  pointer_event = 5,
  client_cut_text = 6,
  set_desktop_size = 251,
  qemu = 255,
};

enum class ServerMessageType : std::uint8_t { framebuffer_update = 0, server_cut_text = 3 };

enum class Encoding : std::int32_t {
  raw = 0,
  tight = 7,
  zrle = 16,
  jpeg_quality_0 = -32,  // up to 9: -23
  jpeg_quality_9 = -23,
  desktop_size = -223,
  cursor = -239,
  qemu_extended_key_event = -258,
  qemu_led_state = -261,
  extended_desktop_size = -308,
  cursor_with_alpha = -314,
  extended_clipboard = -1063131698,  // 0xc0a1e5ce
};

// Flags of the Extended Clipboard: a format, and what is said of it.
inline constexpr std::uint32_t kClipboardText = 1U << 0U;
inline constexpr std::uint32_t kClipboardCapabilities = 1U << 24U;
inline constexpr std::uint32_t kClipboardRequest = 1U << 25U;
inline constexpr std::uint32_t kClipboardPeek = 1U << 26U;
inline constexpr std::uint32_t kClipboardNotify = 1U << 27U;
inline constexpr std::uint32_t kClipboardProvide = 1U << 28U;

// Who asked for another size, and what came of it; in the places of x and y of an ExtendedDesktopSize rectangle.
enum class ResizeReason : std::uint16_t { server = 0, this_client = 1, other_client = 2 };
enum class ResizeStatus : std::uint16_t { done = 0, prohibited = 1, out_of_resources = 2, invalid_layout = 3 };

// PIXEL_FORMAT of true colour.
struct PixelFormat {
  std::uint8_t bits_per_pixel = 32;
  std::uint8_t depth = 24;
  bool big_endian = false;
  std::uint16_t red_max = 255;
  std::uint16_t green_max = 255;
  std::uint16_t blue_max = 255;
  std::uint8_t red_shift = 16;
  std::uint8_t green_shift = 8;
  std::uint8_t blue_shift = 0;

  [[nodiscard]] std::size_t bytes() const noexcept { return bits_per_pixel / std::size_t{8}; }
  friend bool operator==(const PixelFormat&, const PixelFormat&) = default;
};
inline constexpr std::size_t kPixelFormatBytes = 16;

// Appends big-endian numbers and bytes.
class Writer {
 public:
  explicit Writer(std::vector<std::byte>& to) noexcept : to_(to) {}
  void u8(std::uint8_t value) { to_.push_back(std::byte{value}); }
  void u16(std::uint16_t value) {
    u8(static_cast<std::uint8_t>(value >> 8U));
    u8(static_cast<std::uint8_t>(value));
  }
  void u32(std::uint32_t value) {
    u16(static_cast<std::uint16_t>(value >> 16U));
    u16(static_cast<std::uint16_t>(value));
  }
  void bytes(std::span<const std::byte> bytes) { to_.insert(to_.end(), bytes.begin(), bytes.end()); }
  void text(std::string_view text) { bytes(std::as_bytes(std::span(text))); }
  void zeros(std::size_t count) { to_.resize(to_.size() + count); }
  void pixel_format(const PixelFormat& format) {
    u8(format.bits_per_pixel);
    u8(format.depth);
    u8(format.big_endian ? 1 : 0);
    u8(1);  // true colour
    u16(format.red_max);
    u16(format.green_max);
    u16(format.blue_max);
    u8(format.red_shift);
    u8(format.green_shift);
    u8(format.blue_shift);
    zeros(3);
  }
  void rectangle(std::uint16_t x, std::uint16_t y, std::uint16_t width, std::uint16_t height, Encoding encoding) {
    u16(x);
    u16(y);
    u16(width);
    u16(height);
    u32(static_cast<std::uint32_t>(encoding));
  }

 private:
  std::vector<std::byte>& to_;
};

// Reads what is known to be there.
[[nodiscard]] inline std::uint8_t u8_at(std::span<const std::byte> from, std::size_t at) noexcept {
  return std::to_integer<std::uint8_t>(from[at]);
}
[[nodiscard]] inline std::uint16_t u16_at(std::span<const std::byte> from, std::size_t at) noexcept {
  return static_cast<std::uint16_t>((u8_at(from, at) << 8U) | u8_at(from, at + 1));
}
[[nodiscard]] inline std::uint32_t u32_at(std::span<const std::byte> from, std::size_t at) noexcept {
  return (std::uint32_t{u16_at(from, at)} << 16U) | u16_at(from, at + 2);
}

}  // namespace hesper::screen::vnc
