// Pictures that are known pixel by pixel before anybody has drawn them, and whether a screen shows one. Pure.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "base/error.h"

namespace hesper::proof {

// Of every picture here. Pixels are words 0xXXRRGGBB, in memory B, G, R, X; X does not count.
inline constexpr std::uint32_t kWidth = 256;
inline constexpr std::uint32_t kHeight = 192;
inline constexpr std::uint32_t kStride = kWidth * 4;  // bytes
inline constexpr std::size_t kPictureSize = std::size_t{kStride} * kHeight;

inline constexpr std::uint32_t kTiles = 16;
inline constexpr std::uint32_t kTileWidth = kWidth / 4;
inline constexpr std::uint32_t kTileHeight = kHeight / 4;

// kTileWidth times kTileHeight pixels.
struct Tile {
  std::uint32_t x = 0, y = 0;
  std::uint32_t pixel = 0;

  // In the picture's memory.
  [[nodiscard]] std::uint64_t offset() const noexcept { return std::uint64_t{y} * kStride + std::uint64_t{x} * 4; }
};

// Tiles that cover the picture, each of a colour that no other tile of any picture has. seed: which picture.
[[nodiscard]] std::array<Tile, kTiles> tiles(std::uint32_t seed);
[[nodiscard]] std::vector<std::uint32_t> pixels_of(std::span<const Tile> tiles);

struct Screen {
  std::uint32_t width = 0;
  std::uint32_t height = 0;
  std::vector<std::uint32_t> pixels;  // width times height
};

// Error: a sentence about the first pixel that is wrong, and how many are.
[[nodiscard]] Result<void> compare(const Screen& screen, std::span<const std::uint32_t> expected);

}  // namespace hesper::proof
