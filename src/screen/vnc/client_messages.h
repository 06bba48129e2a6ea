// ClientMessage: what a viewer says once it is let in, taken apart and checked. Acts on nothing.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "gpu/geometry.h"
#include "screen/vnc/protocol.h"

namespace hesper::screen::vnc {

struct SetPixelFormat {
  PixelFormat format;  // one that PixelConverter can make
};
struct SetEncodings {
  std::vector<Encoding> encodings;  // those of protocol.h, in the viewer's order of preference, each once
};
struct FramebufferUpdateRequest {
  bool incremental;
  gpu::Rect area;  // as the viewer says it, perhaps outside of the picture
};
struct KeyEvent {
  bool down;
  std::uint32_t keysym;
};
// QEMU's: a key of the keyboard, whatever is printed on it.
struct ExtendedKeyEvent {
  bool down;
  std::uint32_t keysym;
  std::uint32_t keycode;  // XT scan code, 0x80 set for those with prefix e0
};
struct PointerEvent {
  std::uint8_t buttons;  // bits: left, middle, right, wheel up, down, left, right
  std::uint16_t x;
  std::uint16_t y;
};
struct SetDesktopSize {
  std::uint16_t width;
  std::uint16_t height;
};
// Text that was cut, Latin-1.
struct CutText {
  std::span<const std::byte> bytes;  // of what was parsed
};
struct ExtendedClipboard {
  std::uint32_t flags;              // kClipboardX
  std::span<const std::byte> data;  // of what was parsed: behind the flags
};
// Text that was cut and is longer than wanted.
struct Skipped {};

using ClientMessage = std::variant<SetPixelFormat, SetEncodings, FramebufferUpdateRequest, KeyEvent, ExtendedKeyEvent,
                                   PointerEvent, SetDesktopSize, CutText, ExtendedClipboard, Skipped>;

struct Parsed {
  std::size_t size = 0;  // bytes of this message; 0: it has not come whole
  std::size_t skip = 0;  // bytes behind it that are to be thrown away, and may come later
  ClientMessage message = Skipped{};
};

// The longest message that parse() wants to see whole, but for text that was cut.
inline constexpr std::size_t kLongestMessage = 4096;
inline constexpr std::size_t kMostCutText = 16 * 1024 * 1024;  // bytes that are skipped rather than refused

// Looks at the first message. most_text: bytes of text that was cut, as they come; longer ones are skipped. The error
// is a sentence about what no viewer may say; then hang up.
[[nodiscard]] std::expected<Parsed, std::string> parse(std::span<const std::byte> bytes, std::size_t most_text = 0);

}  // namespace hesper::screen::vnc
