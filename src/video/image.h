// Image: a picture of luma and chroma that lasts from frame to frame, of which only what is damaged is made anew.
// Encodes nothing.
#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "frame/frame.h"
#include "video/convert.h"

namespace hesper::video {

// One thread at a time.
class Image {
 public:
  // Black. width, height: of the pictures, 1 to kMostPixels each.
  Image(Layout layout, std::uint32_t width, std::uint32_t height);

  [[nodiscard]] Layout layout() const noexcept { return planes_.layout; }
  [[nodiscard]] std::uint32_t width() const noexcept { return width_; }
  [[nodiscard]] std::uint32_t height() const noexcept { return height_; }
  // Where chroma is halved, planes have an even size; odd pictures have their last column and row twice.
  [[nodiscard]] const Planes& planes() const noexcept { return planes_; }
  // What the planes lie in; who holds it may read them as long as he does, though they change with the next update().
  [[nodiscard]] const std::shared_ptr<std::uint8_t[]>& memory() const noexcept { return memory_; }
  [[nodiscard]] std::size_t bytes() const noexcept { return bytes_; }

  // Takes over the damaged parts of pictures of this size. Returns how many bytes of pixels that were.
  std::uint64_t update(const Pixels& pixels, std::span<const gpu::Rect> damage);
  std::uint64_t update(const frame::Frame& frame) { return update(pixels_of(frame), frame.damage); }

 private:
  std::uint32_t width_;
  std::uint32_t height_;
  Planes planes_;
  std::size_t bytes_ = 0;
  std::shared_ptr<std::uint8_t[]> memory_;
};

inline constexpr std::uint32_t kMostPixels = 16384;  // both ways; H.264 at its highest level ends there

}  // namespace hesper::video
