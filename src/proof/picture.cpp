// Tiles and their colours.
#include "proof/picture.h"

#include <fmt/format.h>

#include <cerrno>

namespace hesper::proof {
namespace {

constexpr std::uint32_t kColour = 0xffffff;

}  // namespace

std::array<Tile, kTiles> tiles(std::uint32_t seed) {
  constexpr std::uint32_t kColumns = kWidth / kTileWidth;
  std::array<Tile, kTiles> result;
  for (std::uint32_t i = 0; i < kTiles; ++i) {
    // An odd multiplier: different numbers have different colours.
    result[i] = {.x = i % kColumns * kTileWidth,
                 .y = i / kColumns * kTileHeight,
                 .pixel = (seed * kTiles + i + 1) * 0x9e3779 & kColour};
  }
  return result;
}

std::vector<std::uint32_t> pixels_of(std::span<const Tile> tiles) {
  std::vector<std::uint32_t> pixels(std::size_t{kWidth} * kHeight);
  for (const Tile& tile : tiles)
    for (std::uint32_t y = tile.y; y < tile.y + kTileHeight; ++y)
      for (std::uint32_t x = tile.x; x < tile.x + kTileWidth; ++x)
        pixels[std::size_t{y} * kWidth + x] = tile.pixel & kColour;
  return pixels;
}

Result<void> compare(const Screen& screen, std::span<const std::uint32_t> expected) {
  if (screen.width != kWidth || screen.height != kHeight || screen.pixels.size() != expected.size())
    return fail(
        fmt::format("The screen shows {}x{} pixels instead of {}x{}.", screen.width, screen.height, kWidth, kHeight),
        EILSEQ);
  std::size_t wrong = 0;
  std::size_t first = 0;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    if (((screen.pixels[i] ^ expected[i]) & kColour) == 0) continue;
    if (wrong++ == 0) first = i;
  }
  if (wrong == 0) return {};
  return fail(fmt::format("{} of {} pixels are wrong; the first one, at ({}, {}), is #{:06x} instead of #{:06x}.",
                          wrong, expected.size(), first % kWidth, first / kWidth, screen.pixels[first] & kColour,
                          expected[first] & kColour),
              EILSEQ);
}

}  // namespace hesper::proof
