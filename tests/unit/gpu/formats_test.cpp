// Formats: all eight, what they are called elsewhere, and where their channels lie.
#include "gpu/formats.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <string>

namespace hesper::gpu {
namespace {

TEST(Formats, AreTheEightOfTheSpecification) {
  EXPECT_EQ(all_formats().size(), 8u);
  for (const std::uint32_t number : {1u, 2u, 3u, 4u, 67u, 68u, 121u, 134u}) {
    const FormatInfo* info = find_format(number);
    ASSERT_NE(info, nullptr) << number;
    EXPECT_EQ(static_cast<std::uint32_t>(info->format), number);
  }
  for (const std::uint32_t number : {0u, 5u, 66u, 69u, 120u, 122u, 133u, 135u, 0xffffffffu})
    EXPECT_EQ(find_format(number), nullptr) << number;
}

// The name tells the bytes in memory, so a pixel with one value a letter tells whether the table follows it.
TEST(Formats, NamesTellTheBytesInMemory) {
  for (const FormatInfo& info : all_formats()) {
    std::array<std::byte, 4> pixel{};
    std::array<std::byte, 4> want{std::byte{'B'}, std::byte{'G'}, std::byte{'R'}, std::byte{0xff}};
    for (std::size_t i = 0; i < 4; ++i) pixel[i] = static_cast<std::byte>(info.name[2 * i]);
    if (info.name.contains('A')) want[3] = std::byte{'A'};
    std::array<std::byte, 4> got{};
    convert_to_b8g8r8a8(info.format, pixel, got);
    EXPECT_EQ(got, want) << info.name;
  }
}

TEST(Formats, EachHasASiblingWithAlpha) {
  for (const FormatInfo& info : all_formats()) {
    std::string name(info.name);
    std::ranges::replace(name, 'X', 'A');
    EXPECT_EQ(format_info(with_alpha(info.format)).name, name);
  }
}

// DRM names a format by its little-endian word: the letters backwards.
TEST(Formats, FourccsAreThoseOfDrm) {
  const auto fourcc = [](Format format) {
    std::string text;
    for (std::uint32_t code = format_info(format).fourcc; code != 0; code >>= 8) text += static_cast<char>(code & 0xff);
    return text;
  };
  EXPECT_EQ(fourcc(Format::b8g8r8x8), "XR24");  // DRM_FORMAT_XRGB8888
  EXPECT_EQ(fourcc(Format::b8g8r8a8), "AR24");
  EXPECT_EQ(fourcc(Format::r8g8b8a8), "AB24");
  EXPECT_EQ(fourcc(Format::a8b8g8r8), "RA24");  // DRM_FORMAT_RGBA8888
}

}  // namespace
}  // namespace hesper::gpu
