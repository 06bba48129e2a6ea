// Budget and Charge, and arenas that pay from one.
#include "base/budget.h"

#include <gtest/gtest.h>

#include "base/arena.h"

namespace hesper {
namespace {

TEST(Budget, IsTakenUpToItsLimitAndGivenBack) {
  Budget budget(100);
  {
    const Budget::Charge most(budget, 60);
    EXPECT_TRUE(most);
    EXPECT_FALSE(Budget::Charge(budget, 41));
    EXPECT_TRUE(Budget::Charge(budget, 40)) << "What was refused takes nothing.";
    EXPECT_EQ(budget.used(), 60u);
  }
  EXPECT_EQ(budget.used(), 0u);
}

TEST(Budget, SumsDoNotOverflow) {
  Budget budget;
  const Budget::Charge one(budget, 1);
  EXPECT_FALSE(budget.take(UINT64_MAX));
  EXPECT_EQ(budget.used(), 1u);
}

TEST(Budget, AMovedChargeIsGivenBackOnce) {
  Budget budget(100);
  Budget::Charge first(budget, 10);
  Budget::Charge second = std::move(first);
  second = Budget::Charge(budget, 20);
  EXPECT_EQ(budget.used(), 20u);
  second = Budget::Charge();
  EXPECT_EQ(budget.used(), 0u);
}

TEST(Budget, ArenasPayForTheirChunks) {
  Budget budget(1 << 20);
  {
    Arena arena(std::size_t{1} << 30, &budget);
    EXPECT_NE(arena.allocate(100), nullptr);
    EXPECT_GT(budget.used(), 0u);
    EXPECT_EQ(arena.allocate(2 << 20), nullptr) << "The limit would allow it, the budget does not.";
    EXPECT_NE(arena.allocate(100), nullptr) << "Less still fits.";
  }
  EXPECT_EQ(budget.used(), 0u);
}

}  // namespace
}  // namespace hesper
