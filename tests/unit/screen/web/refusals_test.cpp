// Refusals: all are counted, few are told.
#include "screen/web/refusals.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace hesper::screen::web {
namespace {

TEST(Refusals, OneLineOfAKindUntilTenMinutesHavePassed) {
  Refusals::Clock::time_point now;
  std::vector<std::string> lines;
  Refusals refusals([&] { return now; }, [&](std::string_view line) { lines.emplace_back(line); });
  for (int i = 0; i < 200; ++i) refusals.count(Refusal::wrong_token, "1.2.3.4:5");
  refusals.count(Refusal::too_slow, "1.2.3.4:6");
  ASSERT_EQ(lines.size(), 2u);
  EXPECT_NE(lines[0].find("1.2.3.4:5"), std::string::npos) << lines[0];
  EXPECT_EQ(refusals.total(Refusal::wrong_token), 200u);
  EXPECT_EQ(refusals.total(Refusal::too_slow), 1u);
  EXPECT_EQ(refusals.total(Refusal::bad_message), 0u);

  now += std::chrono::minutes(10);
  refusals.count(Refusal::wrong_token, "1.2.3.4:7");
  ASSERT_EQ(lines.size(), 3u);
  EXPECT_NE(lines[2].find("199 before it"), std::string::npos) << lines[2];
}

}  // namespace
}  // namespace hesper::screen::web
