// Damage: nothing that changed is ever left out.
#include "frame/damage.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace hesper::frame {
namespace {

using gpu::Rect;

bool covers(const Damage& damage, const Rect& rect) {
  return std::ranges::any_of(damage.rects(), [&](const Rect& one) { return intersect(one, rect) == rect; });
}

TEST(Damage, EmptyOnesDoNotCount) {
  Damage damage;
  damage.add({.x = 4, .y = 4, .width = 0, .height = 9});
  EXPECT_TRUE(damage.empty());
}

TEST(Damage, WhatIsCoveredIsNotKept) {
  Damage damage;
  damage.add({.x = 2, .y = 2, .width = 2, .height = 2});
  damage.add({.x = 8, .y = 8, .width = 2, .height = 2});
  damage.add({.x = 2, .y = 2, .width = 1, .height = 2});
  EXPECT_EQ(damage.rects().size(), 2u);
  damage.add({.width = 5, .height = 5});
  EXPECT_EQ(damage.rects(), (std::vector<Rect>{{.x = 8, .y = 8, .width = 2, .height = 2}, {.width = 5, .height = 5}}));
}

TEST(Damage, TooManyBecomeTheirBoundingBox) {
  Damage damage;
  for (std::uint32_t i = 0; i <= Damage::kMost; ++i)
    damage.add({.x = 10 + 3 * i, .y = 20 + i, .width = 1, .height = 1});
  EXPECT_EQ(damage.rects(),
            (std::vector<Rect>{{.x = 10, .y = 20, .width = 3 * Damage::kMost + 1, .height = Damage::kMost + 1}}));
}

TEST(Damage, TheLargestNumbersDoNotOverflow) {
  constexpr std::uint32_t kMost = 0xFFFF'FFFE;  // the last pixel of the largest picture that there could be
  Damage damage;
  for (std::uint32_t i = 0; i < 40; ++i) {
    damage.add({.x = kMost - i, .y = i, .width = i + 1, .height = 1});
    damage.add({.x = i, .y = kMost - i, .width = 1, .height = 1});
  }
  for (std::uint32_t i = 0; i < 40; ++i) {
    EXPECT_TRUE(covers(damage, {.x = i, .y = kMost - i, .width = 1, .height = 1})) << i;
  }
}

TEST(Damage, ClippingLeavesWhatIsInside) {
  Damage damage;
  damage.add({.x = 5, .y = 5, .width = 10, .height = 10});
  damage.add({.x = 20, .y = 0, .width = 1, .height = 1});
  damage.clip(8, 7);
  EXPECT_EQ(damage.rects(), (std::vector<Rect>{{.x = 5, .y = 5, .width = 3, .height = 2}}));
}

}  // namespace
}  // namespace hesper::frame
