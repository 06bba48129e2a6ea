// Fitter: shapes are kept, and what is beside the picture is black.
#include "screen/record/fitter.h"

#include <gtest/gtest.h>

#include "frames.h"

namespace hesper::screen::record {
namespace {

TEST(Fit, KeepsTheShapeAndTheMiddle) {
  EXPECT_EQ(fit(640, 480, 640, 480), (gpu::Rect{.width = 640, .height = 480}));
  EXPECT_EQ(fit(1280, 720, 640, 480), (gpu::Rect{.y = 60, .width = 640, .height = 360}));
  EXPECT_EQ(fit(100, 400, 640, 480), (gpu::Rect{.x = 260, .width = 120, .height = 480}));
  EXPECT_EQ(fit(16384, 1, 64, 64), (gpu::Rect{.y = 31, .width = 64, .height = 1}));
  EXPECT_EQ(fit(1, 16384, 64, 64), (gpu::Rect{.x = 31, .width = 1, .height = 64}));
}

TEST(Fitter, ScalesAndPutsBlackBeside) {
  for (const gpu::FormatInfo& info : gpu::all_formats()) {
    Fitter fitter(64, 64);
    const frame::Frame frame = plain_frame(128, 64, 0x20c040, info.format);
    const auto fitted = fitter.show(video::pixels_of(frame));
    ASSERT_TRUE(fitted) << fitted.error().message;
    const auto at = [&](std::uint32_t x, std::uint32_t y, std::uint8_t byte) {
      return std::to_integer<int>(fitted->row(y)[std::size_t{4} * x + byte]);
    };
    EXPECT_NEAR(at(32, 32, info.red), 0x20, 1) << info.name;
    EXPECT_NEAR(at(32, 32, info.green), 0xc0, 1);
    EXPECT_NEAR(at(1, 17, info.blue), 0x40, 1);
    for (const std::uint8_t byte : {info.red, info.green, info.blue}) {
      EXPECT_EQ(at(32, 15, byte), 0);
      EXPECT_EQ(at(32, 48, byte), 0);
    }
  }
}

}  // namespace
}  // namespace hesper::screen::record
