// PixelConverter: the guest's pixels as numbers of a viewer's pixel format, and these as bytes. Knows no encoding.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "frame/frame.h"
#include "gpu/formats.h"
#include "gpu/geometry.h"
#include "screen/vnc/protocol.h"

namespace hesper::screen::vnc {

// A rectangle of pixels in a viewer's format, without gaps. What the format has no bits for is 0, so that equal colours
// are equal numbers.
struct Pixels {
  std::uint32_t width = 0;
  std::uint32_t height = 0;
  std::vector<std::uint32_t> values;

  [[nodiscard]] std::span<const std::uint32_t> row(std::uint32_t y) const noexcept {
    return std::span(values).subspan(std::size_t{y} * width, width);
  }
};

class PixelConverter {
 public:
  // format: one that parse() lets pass.
  explicit PixelConverter(const PixelFormat& format);

  [[nodiscard]] const PixelFormat& format() const noexcept { return format_; }

  // Reads each byte of the frame once. area: within the frame, not empty.
  void convert(const frame::Frame& from, const gpu::Rect& area, Pixels& to) const;
  [[nodiscard]] std::uint32_t pixel(std::uint8_t red, std::uint8_t green, std::uint8_t blue) const noexcept {
    return red_[red] | green_[green] | blue_[blue];
  }

  // As PIXEL of the specification: in the viewer's byte order.
  void append_pixels(std::span<const std::uint32_t> pixels, std::vector<std::byte>& to) const;
  // As CPIXEL, which leaves out a byte that has no colour.
  void append_compact(std::span<const std::uint32_t> pixels, std::vector<std::byte>& to) const;
  // As TPIXEL: three bytes red, green, blue if the format has 8 bits of each in 32, else PIXEL.
  void append_tight(std::span<const std::uint32_t> pixels, std::vector<std::byte>& to) const;
  [[nodiscard]] bool has_rgb_bytes() const noexcept { return rgb_bytes_; }

 private:
  PixelFormat format_;
  std::array<std::uint32_t, 256> red_;
  std::array<std::uint32_t, 256> green_;
  std::array<std::uint32_t, 256> blue_;
  bool rgb_bytes_;          // TPIXEL has three bytes
  unsigned compact_shift_;  // of the lowest byte of CPIXEL
  std::size_t compact_bytes_;
};

}  // namespace hesper::screen::vnc
