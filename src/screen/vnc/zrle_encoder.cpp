// Raw and ZRLE.
#include <algorithm>

#include "screen/vnc/encoders.h"

namespace hesper::screen::vnc {
namespace {

constexpr std::uint32_t kTile = 64;          // pixels, both ways
constexpr std::size_t kLargestPalette = 16;  // of packed tiles

unsigned bits_for(std::size_t colours) { return colours <= 2 ? 1 : colours <= 4 ? 2 : 4; }

void append_head(const Pixels& pixels, std::uint16_t x, std::uint16_t y, Encoding encoding,
                 std::vector<std::byte>& to) {
  Writer(to).rectangle(x, y, static_cast<std::uint16_t>(pixels.width), static_cast<std::uint16_t>(pixels.height),
                       encoding);
}

}  // namespace

gpu::Rect RawEncoder::largest() const noexcept { return {.width = 65535, .height = 64}; }

void RawEncoder::encode(const PixelConverter& converter, const Pixels& pixels, std::uint16_t x, std::uint16_t y,
                        std::vector<std::byte>& to) {
  append_head(pixels, x, y, Encoding::raw, to);
  converter.append_pixels(pixels.values, to);
}

// A row of tiles: more would only take more memory.
gpu::Rect ZrleEncoder::largest() const noexcept { return {.width = 65535, .height = kTile}; }

void ZrleEncoder::encode(const PixelConverter& converter, const Pixels& pixels, std::uint16_t x, std::uint16_t y,
                         std::vector<std::byte>& to) {
  append_head(pixels, x, y, Encoding::zrle, to);
  plain_.clear();
  for (std::uint32_t top = 0; top < pixels.height; top += kTile)
    for (std::uint32_t left = 0; left < pixels.width; left += kTile)
      append_tile(converter, pixels,
                  {.x = left,
                   .y = top,
                   .width = std::min(kTile, pixels.width - left),
                   .height = std::min(kTile, pixels.height - top)});
  const std::size_t length = to.size();
  Writer(to).zeros(4);
  stream_.append(plain_, to);
  const auto bytes = static_cast<std::uint32_t>(to.size() - length - 4);
  for (unsigned i = 0; i < 4; ++i) to[length + i] = static_cast<std::byte>(bytes >> (24 - 8 * i));
}

void ZrleEncoder::append_tile(const PixelConverter& converter, const Pixels& pixels, const gpu::Rect& tile) {
  tile_.clear();
  std::array<std::uint32_t, kLargestPalette> palette;
  std::size_t colours = 0;  // more than kLargestPalette: too many
  for (std::uint32_t y = tile.y; y < tile.bottom(); ++y) {
    const auto row = pixels.row(y).subspan(tile.x, tile.width);
    for (const std::uint32_t pixel : row) {
      if (colours > kLargestPalette) break;
      const auto known = std::span(palette).first(colours);
      if (std::ranges::contains(known, pixel)) continue;
      if (colours < kLargestPalette) palette[colours] = pixel;
      ++colours;
    }
    tile_.insert(tile_.end(), row.begin(), row.end());
  }
  Writer out(plain_);
  if (colours > kLargestPalette) {
    out.u8(0);  // raw
    converter.append_compact(tile_, plain_);
    return;
  }
  const auto known = std::span<const std::uint32_t>(palette).first(colours);
  out.u8(static_cast<std::uint8_t>(colours));  // 1: of one colour, else a packed palette
  converter.append_compact(known, plain_);
  if (colours == 1) return;
  const unsigned bits = bits_for(colours);
  for (std::uint32_t y = 0; y < tile.height; ++y) {
    unsigned byte = 0;
    unsigned used = 0;
    for (const std::uint32_t pixel : std::span(tile_).subspan(std::size_t{y} * tile.width, tile.width)) {
      const auto index = static_cast<unsigned>(std::ranges::find(known, pixel) - known.begin());
      byte = (byte << bits) | index;
      used += bits;
      if (used == 8) {
        out.u8(static_cast<std::uint8_t>(byte));
        byte = used = 0;
      }
    }
    if (used != 0) out.u8(static_cast<std::uint8_t>(byte << (8 - used)));
  }
}

}  // namespace hesper::screen::vnc
