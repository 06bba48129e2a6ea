// fail() and fail_errno(): the text that people read and the code that programs read.
#include "base/error.h"

#include <gtest/gtest.h>

#include <cerrno>

namespace hesper {
namespace {

TEST(Error, CarriesSentenceAndCode) {
  const Result<int> result = fail("The cup is empty.", 7);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().message, "The cup is empty.");
  EXPECT_EQ(result.error().code, 7);
}

TEST(Error, ErrnoBecomesTheEndOfTheSentence) {
  const Result<int> result = fail_errno("Opening the cup fails", ENOENT);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().message, "Opening the cup fails: No such file or directory.");
  EXPECT_EQ(result.error().code, ENOENT);
}

}  // namespace
}  // namespace hesper
