// Known pictures, and screens that show something else.
#include "proof/picture.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

namespace hesper::proof {
namespace {

using testing::HasSubstr;

Screen screen_of(std::uint32_t seed) { return {.width = kWidth, .height = kHeight, .pixels = pixels_of(tiles(seed))}; }

TEST(Picture, EveryTileHasAColourOfItsOwnAndNoPixelIsLeftOut) {
  std::set<std::uint32_t> colours;
  for (const std::uint32_t seed : {0u, 1u}) {
    std::vector<bool> covered(std::size_t{kWidth} * kHeight);
    for (const Tile& tile : tiles(seed)) {
      EXPECT_TRUE(colours.insert(tile.pixel).second) << tile.pixel;
      EXPECT_NE(tile.pixel, 0u);
      EXPECT_LE(tile.pixel, 0xffffffu);
      for (std::uint32_t y = tile.y; y < tile.y + kTileHeight; ++y)
        for (std::uint32_t x = tile.x; x < tile.x + kTileWidth; ++x) covered.at(std::size_t{y} * kWidth + x) = true;
    }
    EXPECT_THAT(covered, testing::Each(true));
  }
}

TEST(Picture, TheSamePictureIsRight) {
  EXPECT_TRUE(compare(screen_of(0), pixels_of(tiles(0))));
  EXPECT_TRUE(compare(screen_of(1), pixels_of(tiles(1))));
}

TEST(Picture, TheFourthByteOfAPixelDoesNotCount) {
  Screen screen = screen_of(0);
  for (std::size_t i = 0; i < screen.pixels.size(); i += 7) screen.pixels[i] |= 0xab000000;
  EXPECT_TRUE(compare(screen, pixels_of(tiles(0))));
}

TEST(Picture, OneWrongPixelIsFound) {
  for (const std::size_t place : {std::size_t{0}, std::size_t{kWidth} * 5 + 17, std::size_t{kWidth} * kHeight - 1}) {
    Screen screen = screen_of(0);
    screen.pixels[place] ^= 0x000100;
    const auto same = compare(screen, pixels_of(tiles(0)));
    ASSERT_FALSE(same);
    EXPECT_THAT(same.error().message, testing::StartsWith("1 of 49152 pixels are wrong"));
  }
  Screen screen = screen_of(0);
  screen.pixels[kWidth * 5 + 17] ^= 0x000100;
  EXPECT_THAT(compare(screen, pixels_of(tiles(0))).error().message,
              HasSubstr("at (17, 5), is #9e3679 instead of #9e3779"));
}

TEST(Picture, AnotherPictureOrSizeIsWrong) {
  EXPECT_FALSE(compare(screen_of(1), pixels_of(tiles(0))));
  EXPECT_FALSE(compare(Screen{}, pixels_of(tiles(0))));
  Screen turned = screen_of(0);
  std::swap(turned.width, turned.height);
  EXPECT_THAT(compare(turned, pixels_of(tiles(0))).error().message, HasSubstr("192x256 pixels instead of 256x192"));
  Screen cut = screen_of(0);
  cut.pixels.pop_back();
  EXPECT_FALSE(compare(cut, pixels_of(tiles(0))));
}

}  // namespace
}  // namespace hesper::proof
