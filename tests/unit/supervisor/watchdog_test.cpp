// Watchdog: what counts as progress, and which commands may take long. Time is made up.
#include "supervisor/watchdog.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <random>

#include "sandbox/level.h"
#include "wire/names.h"

namespace hesper::supervisor {
namespace {

using namespace std::chrono_literals;
using flight::State;

std::uint16_t number_of(std::string_view name) {
  for (std::uint16_t type = 0; type < 1000; ++type)
    if (wire::command_name(type) == name) return type;
  throw std::runtime_error("no such command");
}

class WatchdogTest : public testing::Test {
 protected:
  static constexpr auto kDeadline = 10s;

  // Looks every period for `time`; what the last look said.
  std::optional<Watchdog::Overdue> look_for(Watchdog::Clock::duration time) {
    std::optional<Watchdog::Overdue> result;
    for (const auto end = now_ + time; now_ < end && !result; now_ += Watchdog::period(kDeadline))
      result = watchdog_.look(record(), now_);
    return result;
  }
  const flight::Record& record() { return flight::record_in(memory_); }

  UniqueFd fd_ = std::move(*flight::create_record());
  platform::Mapping memory_ = std::move(*flight::map_record(fd_.get()));
  std::unique_ptr<flight::Recorder> recorder_ = std::move(*flight::Recorder::on(fd_.get()));
  flight::StreamRecord& ring_ = recorder_->open(flight::Kind::ring, 3);
  Watchdog watchdog_{kDeadline};
  Watchdog::Clock::time_point now_{1000s};
};

TEST_F(WatchdogTest, ACommandBeyondTheDeadlineIsOverdue) {
  ring_.begin_batch();
  ring_.command(number_of("vkCreateImage"));
  EXPECT_FALSE(look_for(9s));
  const auto overdue = look_for(3s);
  ASSERT_TRUE(overdue);
  EXPECT_EQ(stream_name(overdue->view), "ring 3");
  EXPECT_EQ(activity_name(overdue->view.history.front().type), "vkCreateImage");
  EXPECT_EQ(overdue->limit, kDeadline);
}

TEST_F(WatchdogTest, AnIdleStreamIsNeverOverdue) {
  ring_.begin_batch();
  ring_.command(number_of("vkCreateImage"));
  ring_.end_batch();
  EXPECT_FALSE(look_for(1000s));
}

TEST_F(WatchdogTest, AWaitForAnotherStreamIsNeverOverdue) {
  ring_.begin_batch();
  ring_.command(number_of("vkWaitRingSeqnoMESA"));
  const flight::WaitingScope waiting(ring_);
  EXPECT_FALSE(look_for(1000s));
}

TEST_F(WatchdogTest, TheSameCommandAgainIsProgress) {
  ring_.begin_batch();
  for (int i = 0; i < 10; ++i) {
    ring_.command(number_of("vkCreateImage"));
    EXPECT_FALSE(look_for(8s));
  }
}

TEST_F(WatchdogTest, AWaitThatPulsesIsNeverOverdue) {
  ring_.begin_batch();
  ring_.command(number_of("vkWaitForFences"));
  for (int i = 0; i < 100; ++i) {
    ring_.pulse();
    EXPECT_FALSE(look_for(50s));
  }
}

TEST_F(WatchdogTest, CompilingAndSubmittingMayTakeLonger) {
  for (const char* name : {"vkCreateGraphicsPipelines", "vkQueueSubmit2", "vkCreateDevice", "vkDestroyDevice"})
    EXPECT_EQ(limit_of(number_of(name), 10s), 10s * kPatience) << name;
  EXPECT_EQ(limit_of(static_cast<std::uint16_t>(flight::Activity::creates_blob), 10s), 10s * kPatience);
  EXPECT_EQ(limit_of(number_of("vkCmdDraw"), 10s), 10s);
  EXPECT_EQ(limit_of(60000, 10s), 10s) << "An unknown number has no privilege.";
}

TEST_F(WatchdogTest, EverySlowCommandExists) {
  std::size_t slow = 0;
  for (std::uint16_t type = 0; type < 1000; ++type)
    if (limit_of(type, 1s) != 1s) ++slow;
  EXPECT_EQ(slow, 21u) << "A name in the list is wrong, or it has grown.";
}

TEST_F(WatchdogTest, TimeInWhichNobodyLookedHardlyCounts) {
  ring_.begin_batch();
  ring_.command(number_of("vkCreateImage"));
  EXPECT_FALSE(look_for(2s));
  now_ += 3600s;  // we were stopped, or the machine slept
  EXPECT_FALSE(look_for(2s));
}

TEST_F(WatchdogTest, LastCommandsNameStreamAndCommands) {
  ring_.begin_batch();
  for (int i = 0; i < 12; ++i) ring_.command(number_of("vkCmdDraw"));
  ring_.command(number_of("vkQueueSubmit"));
  const auto lines = last_commands(record(), Watchdog::Clock::now());
  ASSERT_EQ(lines.size(), 1u);
  EXPECT_THAT(lines[0], testing::StartsWith("ring 3 was in vkQueueSubmit, its command 13, of a batch that began "));
  EXPECT_THAT(lines[0], testing::EndsWith(" Before: vkCmdDraw x12."));
}

TEST_F(WatchdogTest, BusyStreamsComeFirstAndAloneIfThereAreAny) {
  flight::StreamRecord& idle = recorder_->open(flight::Kind::ring, 4);
  ring_.begin_batch();
  ring_.command(1);
  idle.begin_batch();
  idle.command(2);
  idle.end_batch();
  EXPECT_EQ(last_commands(record(), Watchdog::Clock::now()).size(), 1u);
  ring_.end_batch();
  const auto lines = last_commands(record(), Watchdog::Clock::now());
  ASSERT_EQ(lines.size(), 1u);
  EXPECT_THAT(lines[0], testing::HasSubstr("last executed"));
}

TEST_F(WatchdogTest, TheSandboxIsNamed) {
  EXPECT_EQ(sandbox_text(record()), "not in its sandbox yet");
  recorder_->confined(static_cast<std::uint8_t>(sandbox::Level::strict));
  EXPECT_EQ(sandbox_text(record()), "sandbox strict");
  recorder_->confined(200);
  EXPECT_EQ(sandbox_text(record()), "sandbox unknown: it says 200");
}

TEST_F(WatchdogTest, AnythingMayStandInTheRecord) {
  std::mt19937_64 random(1);
  for (int round = 0; round < 100; ++round) {
    for (std::size_t at = 0; at + 8 <= memory_.size(); at += 8) {
      const std::uint64_t word = random() & (round % 2 == 0 ? ~0ULL : 0x0000000300000003ULL);
      std::memcpy(memory_.data() + at, &word, sizeof(word));
    }
    (void)watchdog_.look(record(), now_ += 1s);
    EXPECT_LE(last_commands(record(), now_).size(), 4u);
    EXPECT_FALSE(sandbox_text(record()).empty());
  }
}

}  // namespace
}  // namespace hesper::supervisor
