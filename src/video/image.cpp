// Image: one allocation for all planes, aligned for vectors.
#include "video/image.h"

#include <algorithm>
#include <cstring>
#include <new>

#include "base/check.h"

namespace hesper::video {
namespace {

// Of rows and planes, in bytes. Encoders may read up to one such unit behind the last row.
constexpr std::size_t kAlignment = 64;

constexpr std::size_t aligned(std::size_t bytes) noexcept { return (bytes + kAlignment - 1) / kAlignment * kAlignment; }

}  // namespace

Image::Image(Layout layout, std::uint32_t width, std::uint32_t height) : width_(width), height_(height) {
  HESPER_CHECK(width > 0 && width <= kMostPixels && height > 0 && height <= kMostPixels);
  const std::uint32_t unit = halves_chroma(layout) ? 2 : 1;
  planes_ = {.layout = layout, .width = (width + unit - 1) / unit * unit, .height = (height + unit - 1) / unit * unit};
  std::array<std::size_t, 3> sizes{};
  std::array<std::size_t, 3>& stride = planes_.stride;
  stride[0] = aligned(planes_.width);
  sizes[0] = stride[0] * planes_.height;
  for (std::size_t plane = 1; plane < (layout == Layout::nv12 ? 2u : 3u); ++plane) {
    stride[plane] = layout == Layout::i420 ? aligned(planes_.width / 2) : stride[0];
    sizes[plane] = stride[plane] * (planes_.height / unit);
  }
  bytes_ = sizes[0] + sizes[1] + sizes[2] + kAlignment;
  void* memory = ::operator new[](bytes_, std::align_val_t{kAlignment});
  memory_ = {static_cast<std::uint8_t*>(memory),
             [](std::uint8_t* bytes) { ::operator delete[](bytes, std::align_val_t{kAlignment}); }};
  std::memset(memory_.get(), 16, sizes[0]);
  std::memset(memory_.get() + sizes[0], 128, bytes_ - sizes[0]);
  planes_.first = {memory_.get(), memory_.get() + sizes[0],
                   layout == Layout::nv12 ? nullptr : memory_.get() + sizes[0] + sizes[1]};
}

std::uint64_t Image::update(const Pixels& pixels, std::span<const gpu::Rect> damage) {
  HESPER_CHECK(pixels.width == width_ && pixels.height == height_);
  // Rectangles may overlap: all of them together may cost no more than the whole.
  const gpu::Rect whole{.width = width_, .height = height_};
  std::uint64_t area = 0;
  for (const gpu::Rect& rect : damage) area += std::uint64_t{rect.width} * rect.height;
  const std::uint64_t all = std::uint64_t{width_} * height_;
  if (area >= all) {
    convert(pixels, whole, planes_);
    return all * gpu::kBytesPerPixel;
  }
  for (const gpu::Rect& rect : damage) convert(pixels, intersect(rect, whole), planes_);
  return area * gpu::kBytesPerPixel;
}

}  // namespace hesper::video
