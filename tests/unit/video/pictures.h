// Pictures of known content for the tests of this room.
#pragma once

#include <cstddef>
#include <cstdint>
#include <random>
#include <vector>

#include "video/pixels.h"

namespace hesper::video {

// Owns what Pixels borrows. Rows are longer than the picture, by bytes that nobody may take for pixels.
struct Picture {
  Picture(std::uint32_t w, std::uint32_t h, gpu::Format f = gpu::Format::b8g8r8x8)
      : format(f), width(w), height(h), stride(std::size_t{4} * w + 12), bytes(stride * h, std::byte{0xa5}) {}

  void set(std::uint32_t x, std::uint32_t y, std::uint8_t red, std::uint8_t green, std::uint8_t blue) {
    const gpu::FormatInfo& info = gpu::format_info(format);
    std::byte* pixel = &bytes[stride * y + std::size_t{4} * x];
    pixel[info.red] = std::byte{red};
    pixel[info.green] = std::byte{green};
    pixel[info.blue] = std::byte{blue};
  }
  [[nodiscard]] std::uint8_t get(std::uint32_t x, std::uint32_t y, std::uint8_t byte) const {
    return std::to_integer<std::uint8_t>(bytes[stride * y + std::size_t{4} * x + byte]);
  }
  void fill(std::uint8_t red, std::uint8_t green, std::uint8_t blue) {
    for (std::uint32_t y = 0; y < height; ++y)
      for (std::uint32_t x = 0; x < width; ++x) set(x, y, red, green, blue);
  }
  // All bytes, or those of the first rows.
  void noise(unsigned seed, std::uint32_t rows = 0) {
    std::mt19937 random(seed);
    const std::size_t end = rows == 0 ? bytes.size() : stride * rows;
    for (std::size_t i = 0; i < end; ++i) bytes[i] = static_cast<std::byte>(random());
  }
  // As desktops are: areas, lines and something like text, moved by `shift` rows.
  void desktop(std::uint32_t shift) {
    for (std::uint32_t y = 0; y < height; ++y) {
      for (std::uint32_t x = 0; x < width; ++x) {
        const std::uint32_t line = (y + shift) % 16;
        const bool ink = line > 3 && line < 13 && ((x / 3) * 7 + ((y + shift) / 16) * 13 + line / 2) % 5 == 0;
        if (x < width / 4)
          set(x, y, 40, 60, static_cast<std::uint8_t>(90 + y % 64));
        else
          set(x, y, ink ? 20 : 245, ink ? 20 : 245, ink ? 24 : 240);
      }
    }
  }
  [[nodiscard]] Pixels pixels() const {
    return {.format = format, .width = width, .height = height, .stride = stride, .bytes = bytes};
  }
  [[nodiscard]] gpu::Rect whole() const { return {.width = width, .height = height}; }

  gpu::Format format;
  std::uint32_t width, height;
  std::size_t stride;
  std::vector<std::byte> bytes;
};

}  // namespace hesper::video
