// Frames for tests: of one colour, and with a number that survives a codec.
#pragma once

#include <memory>
#include <vector>

#include "frame/frame.h"

namespace hesper::screen::record {

class OwnPixels final : public frame::PixelBuffer {
 public:
  explicit OwnPixels(std::size_t size) : bytes_(size) {}
  [[nodiscard]] std::span<const std::byte> bytes() const noexcept override { return bytes_; }
  [[nodiscard]] std::vector<std::byte>& writable() noexcept { return bytes_; }

 private:
  std::vector<std::byte> bytes_;
};

// rgb: 0xRRGGBB. Damaged as a whole.
inline frame::Frame plain_frame(std::uint32_t width, std::uint32_t height, std::uint32_t rgb,
                                gpu::Format format = gpu::Format::b8g8r8x8) {
  auto pixels = std::make_shared<OwnPixels>(std::size_t{4} * width * height);
  const gpu::FormatInfo& info = gpu::format_info(format);
  for (std::size_t i = 0; i < pixels->writable().size(); i += 4) {
    pixels->writable()[i + info.red] = static_cast<std::byte>(rgb >> 16);
    pixels->writable()[i + info.green] = static_cast<std::byte>(rgb >> 8);
    pixels->writable()[i + info.blue] = static_cast<std::byte>(rgb);
  }
  frame::Frame frame;
  frame.buffer = std::move(pixels);
  frame.format = format;
  frame.width = width;
  frame.height = height;
  frame.stride = 4 * width;
  frame.damage = {{.width = width, .height = height}};
  return frame;
}

inline constexpr std::uint32_t kBlock = 16;  // pixels

// Eight blocks in a row, white for the ones of `number`.
inline frame::Frame numbered_frame(std::uint32_t width, std::uint32_t height, std::uint8_t number) {
  frame::Frame frame = plain_frame(width, height, 0);
  auto& bytes = const_cast<OwnPixels&>(static_cast<const OwnPixels&>(*frame.buffer)).writable();
  for (std::uint32_t y = 0; y < kBlock; ++y)
    for (std::uint32_t x = 0; x < 8 * kBlock; ++x)
      if ((number >> (x / kBlock) & 1) != 0)
        for (std::size_t i = 0; i < 3; ++i) bytes[4 * (std::size_t{width} * y + x) + i] = std::byte{255};
  return frame;
}

}  // namespace hesper::screen::record
