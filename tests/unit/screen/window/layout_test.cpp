#include "screen/window/layout.h"

#include <gtest/gtest.h>

namespace hesper::screen::window {
namespace {

TEST(WindowLayout, FollowsTheScaling) {
  struct Case {
    std::string name;
    Size picture, window;
    Scaling scaling;
    Layout want;
    std::uint32_t tolerance = 0;
  };
  const Case kCases[] = {
      {"same size", {800, 600}, {800, 600}, Scaling::fit, {{800, 600}, 0, 0, 800, 600}},
      {"wider window", {800, 600}, {1000, 600}, Scaling::fit, {{800, 600}, 100, 0, 800, 600}},
      {"higher window", {800, 600}, {400, 600}, Scaling::fit, {{800, 600}, 0, 150, 400, 300}},
      {"twice and a half", {800, 600}, {2000, 1500}, Scaling::fit, {{800, 600}, 0, 0, 2000, 1500}},
      {"twice at most", {800, 600}, {2000, 1500}, Scaling::integer, {{800, 600}, 200, 150, 1600, 1200}},
      {"once at least", {800, 600}, {400, 300}, Scaling::integer, {{800, 600}, -200, -150, 800, 600}},
      {"as it is", {800, 600}, {2000, 1500}, Scaling::original, {{800, 600}, 600, 450, 800, 600}},
      {"a line", {65535, 1}, {100, 100}, Scaling::fit, {{65535, 1}, 0, 49, 100, 1}},
      {"a pixel", {1, 1}, {100, 50}, Scaling::fit, {{1, 1}, 25, 0, 50, 50}},
      {"nearly", {800, 600}, {801, 598}, Scaling::fit, {{800, 600}, 0, -1, 800, 600}, 2},
      {"not nearly", {800, 600}, {803, 603}, Scaling::fit, {{800, 600}, 0, 0, 803, 602}, 2},
  };
  for (const Case& each : kCases)
    EXPECT_EQ(lay_out(each.picture, each.window, each.scaling, each.tolerance), each.want) << each.name;
}

TEST(WindowLayout, EachPlaceOfTheWindowIsAPixelOfThePicture) {
  const Layout twice = lay_out({.width = 100, .height = 50}, {.width = 300, .height = 100}, Scaling::integer);
  EXPECT_EQ(twice.x, 50);
  EXPECT_EQ(twice.pixel_at(50, 0), (gpu::Point{.x = 0, .y = 0}));
  EXPECT_EQ(twice.pixel_at(51.9, 1.9), (gpu::Point{.x = 0, .y = 0}));
  EXPECT_EQ(twice.pixel_at(52, 2), (gpu::Point{.x = 1, .y = 1}));
  EXPECT_EQ(twice.pixel_at(249.5, 99.5), (gpu::Point{.x = 99, .y = 49}));
  EXPECT_EQ(twice.pixel_at(0, -5), (gpu::Point{.x = 0, .y = 0}));
  EXPECT_EQ(twice.pixel_at(299, 1000), (gpu::Point{.x = 99, .y = 49}));
  const Layout half = lay_out({.width = 100, .height = 50}, {.width = 50, .height = 25}, Scaling::fit);
  EXPECT_EQ(half.pixel_at(10, 10), (gpu::Point{.x = 20, .y = 20}));
  const Layout cut = lay_out({.width = 100, .height = 50}, {.width = 50, .height = 50}, Scaling::original);
  EXPECT_EQ(cut.pixel_at(0, 7), (gpu::Point{.x = 25, .y = 7}));
}

}  // namespace
}  // namespace hesper::screen::window
