// FrameTimes: intervals in microseconds, the newest ones.
#include "device/frame_times.h"

#include <gtest/gtest.h>

#include <limits>

namespace hesper::device {
namespace {

using namespace std::chrono_literals;

TEST(FrameTimes, TellTheIntervals) {
  FrameTimes times;
  const auto begin = FrameTimes::Clock::now();
  EXPECT_EQ(times.count(), 0u);
  times.note(begin);
  times.note(begin + 16ms);
  times.note(begin + 33ms);
  EXPECT_EQ(times.count(), 3u);
  EXPECT_EQ(times.intervals()[0], 0u);
  EXPECT_EQ(times.intervals()[1], 16'000u);
  EXPECT_EQ(times.intervals()[2], 17'000u);
}

TEST(FrameTimes, KeepTheNewestAndNoIntervalOverflows) {
  FrameTimes times;
  auto now = FrameTimes::Clock::now();
  for (std::size_t i = 0; i <= DisplayReport::kIntervals; ++i) times.note(now += 5us);
  EXPECT_EQ(times.intervals()[0], 5u) << "The first has been written over.";
  times.note(now += 24h);
  EXPECT_EQ(times.intervals()[1], std::numeric_limits<std::uint32_t>::max());
}

}  // namespace
}  // namespace hesper::device
