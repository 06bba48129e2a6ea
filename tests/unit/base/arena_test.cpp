// Arena: alignment, its limit, and what reset() keeps.
#include "base/arena.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <cstring>

namespace hesper {
namespace {

bool is_aligned(const void* pointer, std::size_t align) {
  return reinterpret_cast<std::uintptr_t>(pointer) % align == 0;
}

TEST(Arena, AlignsEveryAllocation) {
  Arena arena(1 << 20);
  for (const std::size_t align : {1u, 2u, 4u, 8u, 16u}) {
    EXPECT_NE(arena.allocate(1, 1), nullptr);
    EXPECT_TRUE(is_aligned(arena.allocate(3, align), align)) << align;
  }
}

TEST(Arena, AllocationsDoNotOverlap) {
  Arena arena(1 << 20);
  auto* first = static_cast<unsigned char*>(arena.allocate(100));
  auto* second = static_cast<unsigned char*>(arena.allocate(100));
  std::memset(first, 1, 100);
  std::memset(second, 2, 100);
  EXPECT_EQ(first[99], 1);
}

TEST(Arena, RefusesWhatPassesItsLimit) {
  Arena arena(1 << 20);
  EXPECT_EQ(arena.allocate((1 << 20) + 1), nullptr);
  EXPECT_EQ(arena.allocate(SIZE_MAX), nullptr);
  EXPECT_NE(arena.allocate(1 << 19), nullptr);
  EXPECT_EQ(arena.allocate(1 << 20), nullptr);
}

TEST(Arena, CanBeFilledAgainAfterReset) {
  Arena arena(1 << 20);
  for (int round = 0; round < 100; ++round) {
    EXPECT_NE(arena.allocate(1 << 19), nullptr) << round;
    arena.reset();
  }
}

TEST(Arena, SteadyStateReusesTheSameMemory) {
  Arena arena(1 << 20);
  void* first = arena.allocate(1000);
  arena.reset();
  EXPECT_EQ(arena.allocate(1000), first);
}

}  // namespace
}  // namespace hesper
