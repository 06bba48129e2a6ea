// Where the system has no sandbox, the report says so and the process goes on.
#include <gtest/gtest.h>

#include "sandbox/sandbox.h"

namespace hesper::sandbox {
namespace {

TEST(Sandbox, SaysThatItIsNotThere) {
  const Report report = enter({.level = Level::strict, .choices = {.address_space = 0}, .log_prefix = "test"});
  EXPECT_EQ(report.reached, Level::off);
  EXPECT_FALSE(report.shortfalls.empty());
  EXPECT_TRUE(describe(report).starts_with("off instead of strict")) << describe(report);
}

}  // namespace
}  // namespace hesper::sandbox
