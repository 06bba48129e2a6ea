// copy_pixels: row by row, or all at once where rows follow one another on both sides.
#include "gpu/display.h"

#include "base/check.h"

namespace hesper::gpu {

bool copy_pixels(const Picture& picture, const Rect& part, std::span<std::byte> to, std::size_t to_stride) {
  HESPER_CHECK(part.fits(picture.width, picture.height));
  if (part.empty()) return true;
  const std::size_t row = std::size_t{part.width} * kBytesPerPixel;
  HESPER_CHECK(to_stride >= row && to.size() >= to_stride * (part.height - 1) + row);
  std::uint64_t from = picture.offset + std::uint64_t{part.y} * picture.stride + std::uint64_t{part.x} * kBytesPerPixel;
  if (row == picture.stride && row == to_stride) return picture.memory->read(from, to.first(row * part.height));
  for (std::uint32_t y = 0; y < part.height; ++y, from += picture.stride) {
    if (!picture.memory->read(from, to.subspan(y * to_stride, row))) return false;
  }
  return true;
}

}  // namespace hesper::gpu
