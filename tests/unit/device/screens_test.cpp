// Screens: a snapshot is what the guest shows, in any format, and never more than there is.
#include "device/screens.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <cstring>
#include <vector>

#include "platform/shared_memory.h"

namespace hesper::device {
namespace {

class Memory final : public gpu::PixelMemory {
 public:
  explicit Memory(std::size_t size) : content(size) {}
  [[nodiscard]] std::span<const std::byte> bytes() const noexcept override { return {}; }
  [[nodiscard]] bool read(std::uint64_t offset, std::span<std::byte> to) const noexcept override {
    if (offset + to.size() > content.size()) return false;
    std::memcpy(to.data(), content.data() + offset, to.size());
    return true;
  }
  std::vector<std::byte> content;
};

std::vector<std::byte> content_of(const Snapshot& snapshot, std::size_t size) {
  const auto mapping = platform::Mapping::map(snapshot.pixels.get(), size);
  EXPECT_TRUE(mapping);
  return {mapping->bytes().begin(), mapping->bytes().end()};
}

// 4 x 3 pixels r8g8b8x8, rows 20 bytes apart; red tells the column, green the row.
struct Shown {
  Shown() {
    for (std::uint32_t y = 0; y < 3; ++y)
      for (std::uint32_t x = 0; x < 4; ++x) {
        std::byte* pixel = memory.content.data() + 8 + y * 20 + x * 4;
        pixel[0] = std::byte(x + 1);
        pixel[1] = std::byte(y + 1);
      }
  }
  Memory memory{8 + 3 * 20};
  gpu::Picture picture{
      .format = gpu::Format::r8g8b8x8, .width = 4, .height = 3, .offset = 8, .stride = 20, .memory = &memory};
};

TEST(Screens, TheShownPartIsCopiedAndConverted) {
  Screens screens;
  Shown shown;
  screens.set_scanout(2, &shown.picture, {.x = 1, .y = 1, .width = 2, .height = 2});
  screens.flushed(2, {.x = 1, .y = 1, .width = 1, .height = 1});
  const auto snapshot = screens.take(2);
  ASSERT_TRUE(snapshot) << snapshot.error().message;
  EXPECT_EQ(snapshot->width, 2u);
  EXPECT_EQ(snapshot->height, 2u);
  EXPECT_EQ(snapshot->flushes, 1u);
  EXPECT_FALSE(snapshot->has_cursor);
  const auto bytes = content_of(*snapshot, 16);
  const std::vector<unsigned> expected = {0, 2, 2, 255, 0, 2, 3, 255, 0, 3, 2, 255, 0, 3, 3, 255};
  for (std::size_t i = 0; i < bytes.size(); ++i) EXPECT_EQ(std::to_integer<unsigned>(bytes[i]), expected[i]) << i;
  EXPECT_TRUE(platform::cannot_shrink(snapshot->pixels.get()));
}

TEST(Screens, TheCursorComesWithIt) {
  Screens screens;
  Shown shown;
  screens.set_scanout(0, &shown.picture, {.x = 0, .y = 0, .width = 4, .height = 3});
  gpu::Cursor cursor{.pixels = {}, .hot_x = 0, .hot_y = 0};
  cursor.pixels.back() = std::byte{7};
  screens.set_cursor(0, &cursor, {.x = 5, .y = 6});
  screens.move_cursor(0, {.x = -3, .y = 9});
  const auto snapshot = screens.take(0);
  ASSERT_TRUE(snapshot);
  EXPECT_TRUE(snapshot->has_cursor);
  EXPECT_EQ(snapshot->cursor, (gpu::Point{.x = -3, .y = 9}));
  EXPECT_EQ(content_of(*snapshot, 4 * 3 * 4 + cursor.pixels.size()).back(), std::byte{7});
  screens.set_cursor(0, nullptr, {});
  EXPECT_FALSE(screens.take(0)->has_cursor);
}

TEST(Screens, WhatCannotBeHadIsAnError) {
  Screens screens;
  Shown shown;
  EXPECT_EQ(screens.take(0).error().code, ENODATA);
  EXPECT_EQ(screens.take(16).error().code, EINVAL);
  screens.set_scanout(0, &shown.picture, {.x = 0, .y = 0, .width = 4, .height = 3});
  shown.memory.content.resize(40);
  EXPECT_EQ(screens.take(0).error().code, EFAULT);
  screens.set_scanout(0, nullptr, {});
  EXPECT_EQ(screens.take(0).error().code, ENODATA);
  shown.picture.width = shown.picture.height = 16'384;
  screens.set_scanout(0, &shown.picture, {.x = 0, .y = 0, .width = 16'384, .height = 16'384});
  EXPECT_EQ(screens.take(0).error().code, EFBIG);
}

}  // namespace
}  // namespace hesper::device
