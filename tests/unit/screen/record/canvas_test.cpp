// Canvas: the cursor is in the picture where and as it is, and leaves nothing behind.
#include "screen/record/canvas.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "frames.h"

namespace hesper::screen::record {
namespace {

std::uint32_t color_at(const Canvas& canvas, std::uint32_t x, std::uint32_t y) {
  const video::Pixels pixels = canvas.pixels();
  const gpu::FormatInfo& info = gpu::format_info(pixels.format);
  const std::byte* pixel = pixels.row(y) + std::size_t{4} * x;
  return std::to_integer<std::uint32_t>(pixel[info.red]) << 16 |
         std::to_integer<std::uint32_t>(pixel[info.green]) << 8 | std::to_integer<std::uint32_t>(pixel[info.blue]);
}

frame::Cursor cursor_of(std::uint8_t blue, std::uint8_t green, std::uint8_t red, std::uint8_t alpha,
                        gpu::Point position) {
  auto shape = std::make_shared<gpu::Cursor>();
  for (std::size_t i = 0; i < shape->pixels.size(); i += 4) {
    shape->pixels[i] = std::byte{blue};
    shape->pixels[i + 1] = std::byte{green};
    shape->pixels[i + 2] = std::byte{red};
    shape->pixels[i + 3] = std::byte{alpha};
  }
  return {.shape = shape, .position = position};
}

bool covers(const std::vector<gpu::Rect>& damage, std::uint32_t x, std::uint32_t y) {
  return std::ranges::any_of(damage, [&](const gpu::Rect& rect) {
    return x >= rect.x && x < rect.right() && y >= rect.y && y < rect.bottom();
  });
}

TEST(Canvas, TakesOverWhatIsDamagedOnly) {
  for (const gpu::FormatInfo& info : gpu::all_formats()) {
    Canvas canvas(info.format, 100, 80);
    (void)canvas.take_damage();
    frame::Frame frame = plain_frame(100, 80, 0x123456, info.format);
    frame.damage = {{.x = 10, .y = 20, .width = 30, .height = 10}};
    ASSERT_TRUE(canvas.fits(frame));
    canvas.show(frame);
    EXPECT_EQ(color_at(canvas, 10, 20), 0x123456u) << info.name;
    EXPECT_EQ(color_at(canvas, 39, 29), 0x123456u) << info.name;
    EXPECT_EQ(color_at(canvas, 40, 29), 0u) << info.name;
    EXPECT_EQ(canvas.take_damage(), frame.damage);
    EXPECT_TRUE(canvas.take_damage().empty());
  }
}

TEST(Canvas, FitsNoOtherPicture) {
  const Canvas canvas(gpu::Format::b8g8r8x8, 100, 80);
  EXPECT_FALSE(canvas.fits(plain_frame(101, 80, 0)));
  EXPECT_FALSE(canvas.fits(plain_frame(100, 81, 0)));
  EXPECT_FALSE(canvas.fits(plain_frame(100, 80, 0, gpu::Format::r8g8b8x8)));
}

TEST(Canvas, DrawsACursorAndTakesItOutAgain) {
  for (const gpu::FormatInfo& info : gpu::all_formats()) {
    Canvas canvas(info.format, 200, 200);
    canvas.show(plain_frame(200, 200, 0x808080, info.format));
    // Half red, premultiplied.
    canvas.set_cursor(cursor_of(0, 0, 128, 128, {.x = 50, .y = 60}));
    EXPECT_EQ(color_at(canvas, 50, 60), 0xc04040u) << info.name;
    EXPECT_EQ(color_at(canvas, 113, 123), 0xc04040u);
    EXPECT_EQ(color_at(canvas, 114, 123), 0x808080u);
    EXPECT_EQ(color_at(canvas, 49, 60), 0x808080u);
    (void)canvas.take_damage();
    canvas.set_cursor(cursor_of(0, 0, 128, 128, {.x = 120, .y = 60}));
    EXPECT_EQ(color_at(canvas, 50, 60), 0x808080u);
    EXPECT_EQ(color_at(canvas, 120, 60), 0xc04040u);
    const auto damage = canvas.take_damage();
    EXPECT_TRUE(covers(damage, 50, 60));
    EXPECT_TRUE(covers(damage, 183, 123));
    // A frame beneath it.
    canvas.show(plain_frame(200, 200, 0x000080, info.format));
    EXPECT_EQ(color_at(canvas, 120, 60), 0x800040u);
    canvas.set_cursor({});
    EXPECT_EQ(color_at(canvas, 120, 60), 0x000080u);
    canvas.show_black();
    EXPECT_EQ(color_at(canvas, 120, 60), 0u);
  }
}

TEST(Canvas, CutsACursorAtItsEdges) {
  Canvas canvas(gpu::Format::b8g8r8x8, 100, 50);
  canvas.show(plain_frame(100, 50, 0x111111));
  const gpu::Point places[] = {{-10, -20},       {90, 40},  {-64, 0}, {100, 0}, {0, 50}, {-2147483647, 2147483647},
                               {2147483647, -5}, {-63, -63}};
  for (const gpu::Point& place : places) {
    canvas.set_cursor(cursor_of(255, 255, 255, 255, place));
    const auto inside = [&](std::int64_t x, std::int64_t y) {
      return x >= place.x && x < std::int64_t{place.x} + 64 && y >= place.y && y < std::int64_t{place.y} + 64;
    };
    for (std::uint32_t y = 0; y < 50; ++y)
      for (std::uint32_t x = 0; x < 100; ++x)
        ASSERT_EQ(color_at(canvas, x, y), inside(x, y) ? 0xffffffu : 0x111111u) << place.x << ',' << place.y;
  }
}

}  // namespace
}  // namespace hesper::screen::record
