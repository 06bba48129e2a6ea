// Pictures: what the synthetic source draws. Pixels are b8g8r8x8. Knows no device.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "gpu/geometry.h"

namespace hesper::screen::test {

// Where to draw.
struct Canvas {
  std::byte* pixels = nullptr;
  std::uint32_t width = 0;
  std::uint32_t height = 0;
  std::uint32_t stride = 0;  // bytes

  void put(std::uint32_t x, std::uint32_t y, std::uint32_t colour) const noexcept;  // 0xRRGGBB
  void fill(const gpu::Rect& rect, std::uint32_t colour) const noexcept;            // cut at the edges
};

// The frame's number, to be found again by whoever has only the picture, even after lossy coding: 32 blocks of 16x16
// pixels, eight a row, from the top left corner; white is 1; the first one is the lowest bit.
inline constexpr std::uint32_t kCodeWidth = 128;
inline constexpr std::uint32_t kCodeHeight = 64;

// A kind of content. Draws frame after frame into the same canvas.
class Content {
 public:
  virtual ~Content() = default;
  // Frame 0 draws everything. What has changed since the one before.
  [[nodiscard]] virtual std::vector<gpu::Rect> draw(const Canvas& canvas, std::uint32_t frame) = 0;
};

// still: nothing but the background.        counter: the number's code on it.
// typing: a character a frame, and the code. text: lines that scroll by half a line's height each frame.
// window: one that moves over the background. video: something soft that moves everywhere, with noise.
// nullptr: there is none of this name.
[[nodiscard]] std::unique_ptr<Content> make_content(std::string_view name);

// The background, which `still` shows: bytes of red, green and blue at each place are x, y, and 0x40.
[[nodiscard]] constexpr std::uint32_t background(std::uint32_t x, std::uint32_t y) noexcept {
  return (x & 0xFF) << 16 | (y & 0xFF) << 8 | 0x40;
}

}  // namespace hesper::screen::test
