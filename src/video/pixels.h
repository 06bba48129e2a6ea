// Pixels: a picture of red, green and blue in somebody's memory, for those who read it. Owns nothing.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "frame/frame.h"
#include "gpu/formats.h"

namespace hesper::video {

// Every row lies within `bytes`: stride * (height - 1) + 4 * width of them or more. They may change at any time.
struct Pixels {
  gpu::Format format = gpu::Format::b8g8r8x8;
  std::uint32_t width = 0;   // pixels, not 0
  std::uint32_t height = 0;  // likewise
  std::size_t stride = 0;    // bytes from row to row
  std::span<const std::byte> bytes;

  [[nodiscard]] const std::byte* row(std::uint32_t y) const noexcept { return bytes.data() + stride * y; }
};

// Borrows the frame's buffer.
[[nodiscard]] inline Pixels pixels_of(const frame::Frame& frame) noexcept {
  return {.format = frame.format,
          .width = frame.width,
          .height = frame.height,
          .stride = frame.stride,
          .bytes = frame.buffer->bytes().subspan(frame.offset)};
}

}  // namespace hesper::video
