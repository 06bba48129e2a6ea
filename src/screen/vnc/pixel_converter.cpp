// PixelConverter: a table for each colour.
#include "screen/vnc/pixel_converter.h"

#include <bit>
#include <cstring>

#include "base/check.h"

namespace hesper::screen::vnc {
namespace {

std::array<std::uint32_t, 256> table(std::uint16_t max, std::uint8_t shift) {
  std::array<std::uint32_t, 256> result{};
  for (std::uint32_t value = 0; value < 256; ++value) result[value] = (value * max + 127) / 255 << shift;
  return result;
}

void append(std::uint32_t value, unsigned shift, std::size_t bytes, bool big_endian, std::byte* to) {
  for (std::size_t i = 0; i < bytes; ++i) {
    const std::size_t place = big_endian ? bytes - 1 - i : i;
    to[i] = static_cast<std::byte>(value >> (shift + 8 * place));
  }
}

}  // namespace

PixelConverter::PixelConverter(const PixelFormat& format)
    : format_(format),
      red_(table(format.red_max, format.red_shift)),
      green_(table(format.green_max, format.green_shift)),
      blue_(table(format.blue_max, format.blue_shift)),
      rgb_bytes_(format.bits_per_pixel == 32 && format.depth == 24 && format.red_max == 255 &&
                 format.green_max == 255 && format.blue_max == 255),
      compact_shift_(0),
      compact_bytes_(format.bytes()) {
  const std::uint32_t used = pixel(255, 255, 255);
  if (format.bits_per_pixel == 32 && format.depth <= 24) {
    if ((used & 0xff00'0000U) == 0) {
      compact_bytes_ = 3;
    } else if ((used & 0xffU) == 0) {
      compact_bytes_ = 3;
      compact_shift_ = 8;
    }
  }
}

void PixelConverter::convert(const frame::Frame& from, const gpu::Rect& area, Pixels& to) const {
  HESPER_CHECK(area.fits(from.width, from.height));
  to.width = area.width;
  to.height = area.height;
  to.values.resize(std::size_t{area.width} * area.height);
  const gpu::FormatInfo& info = gpu::format_info(from.format);
  const unsigned red = 8U * info.red;
  const unsigned green = 8U * info.green;
  const unsigned blue = 8U * info.blue;
  const bool same = std::endian::native == std::endian::little && rgb_bytes_ && format_.red_shift == red &&
                    format_.green_shift == green && format_.blue_shift == blue;
  const std::uint32_t colours = pixel(255, 255, 255);
  std::uint32_t* into = to.values.data();
  for (std::uint32_t y = 0; y < area.height; ++y) {
    const std::byte* row = from.row(area.y + y).data() + std::size_t{gpu::kBytesPerPixel} * area.x;
    for (std::uint32_t x = 0; x < area.width; ++x, row += gpu::kBytesPerPixel) {
      std::uint32_t word;
      std::memcpy(&word, row, sizeof(word));
      if (same) {
        *into++ = word & colours;
        continue;
      }
      if constexpr (std::endian::native == std::endian::big) word = std::byteswap(word);
      *into++ = red_[(word >> red) & 0xffU] | green_[(word >> green) & 0xffU] | blue_[(word >> blue) & 0xffU];
    }
  }
}

void PixelConverter::append_pixels(std::span<const std::uint32_t> pixels, std::vector<std::byte>& to) const {
  const std::size_t bytes = format_.bytes();
  std::size_t at = to.size();
  to.resize(at + bytes * pixels.size());
  if (bytes == 4 && std::endian::native == (format_.big_endian ? std::endian::big : std::endian::little)) {
    std::memcpy(to.data() + at, pixels.data(), pixels.size_bytes());
    return;
  }
  for (const std::uint32_t pixel : pixels) {
    append(pixel, 0, bytes, format_.big_endian, to.data() + at);
    at += bytes;
  }
}

void PixelConverter::append_compact(std::span<const std::uint32_t> pixels, std::vector<std::byte>& to) const {
  std::size_t at = to.size();
  to.resize(at + compact_bytes_ * pixels.size());
  for (const std::uint32_t pixel : pixels) {
    append(pixel, compact_shift_, compact_bytes_, format_.big_endian, to.data() + at);
    at += compact_bytes_;
  }
}

void PixelConverter::append_tight(std::span<const std::uint32_t> pixels, std::vector<std::byte>& to) const {
  if (!rgb_bytes_) {
    append_pixels(pixels, to);
    return;
  }
  std::size_t at = to.size();
  to.resize(at + 3 * pixels.size());
  for (const std::uint32_t pixel : pixels) {
    to[at++] = static_cast<std::byte>(pixel >> format_.red_shift);
    to[at++] = static_cast<std::byte>(pixel >> format_.green_shift);
    to[at++] = static_cast<std::byte>(pixel >> format_.blue_shift);
  }
}

}  // namespace hesper::screen::vnc
