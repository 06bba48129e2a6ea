// FlowControl: a viewer that paints at once, one that is slow, one that is silent.
#include "screen/web/flow_control.h"

#include <gtest/gtest.h>

#include <chrono>
#include <deque>

namespace hesper::screen::web {
namespace {

using namespace std::chrono_literals;

// A viewer that acknowledges each picture after `delay`.
class FlowControlTest : public testing::Test {
 protected:
  // Sends one if it may, then lets time pass.
  bool send(std::size_t bytes = 10'000) {
    if (!flow_.open() || flow_.next_due() > now_) return false;
    flow_.began(now_);
    flow_.sent({.frame = ++frame_, .bytes = bytes, .time = now_});
    return true;
  }
  void acknowledge_after(FlowControl::Clock::duration delay, unsigned waiting = 0,
                         FlowControl::Clock::duration held = 0ms) {
    now_ += delay;
    acknowledge(frame_, waiting, held);
  }
  void acknowledge(std::uint32_t frame, unsigned waiting, FlowControl::Clock::duration held) {
    EXPECT_TRUE(flow_.acknowledged(
        frame, {.received = microseconds(now_ - held), .painted = microseconds(now_), .waiting = waiting}, now_));
  }
  // The viewer's clock is another one.
  static std::chrono::microseconds microseconds(FlowControl::Time time) {
    return std::chrono::duration_cast<std::chrono::microseconds>(time.time_since_epoch()) + 77s;
  }

  FlowControl::Time now_{1000s};
  FlowControl flow_{{.max_fps = 60, .start_bitrate = 8'000'000}, now_};
  std::uint32_t frame_ = 0;
};

TEST_F(FlowControlTest, SilentViewerGetsTwoPictures) {
  int sent = 0;
  for (int i = 0; i < 600; ++i, now_ += 17ms) sent += send() ? 1 : 0;
  EXPECT_EQ(sent, 2);
  EXPECT_EQ(flow_.in_flight(), 2u);
}

TEST_F(FlowControlTest, HugePictureIsTheOnlyOneOnItsWay) {
  EXPECT_TRUE(send(10'000'000));
  now_ += 20ms;
  EXPECT_FALSE(send());
  acknowledge_after(5ms);
  EXPECT_TRUE(send());
}

TEST_F(FlowControlTest, AcknowledgesAllBefore) {
  EXPECT_TRUE(send());
  now_ += 17ms;
  EXPECT_TRUE(send());
  now_ += 17ms;
  EXPECT_FALSE(send());
  EXPECT_TRUE(flow_.acknowledged(2, {}, now_));
  EXPECT_EQ(flow_.in_flight(), 0u);
  EXPECT_FALSE(flow_.acknowledged(1, {}, now_));
  EXPECT_FALSE(flow_.acknowledged(7, {}, now_));
}

TEST_F(FlowControlTest, KeepsToTheRateOnAverage) {
  const auto end = now_ + 1s;
  int sent = 0;
  while (now_ < end) {
    if (send()) {
      ++sent;
      acknowledge_after(1ms);
    } else {
      now_ += 1ms;
    }
  }
  EXPECT_NEAR(sent, 60, 2);
}

TEST_F(FlowControlTest, FrameThatComesALittleEarlyNeedNotWait) {
  EXPECT_TRUE(send());
  acknowledge_after(15ms);  // one over the rate is 16.7 ms
  EXPECT_TRUE(send());
}

TEST_F(FlowControlTest, LongLineGetsAWiderWindow) {
  for (int i = 0; i < 5; ++i) {
    EXPECT_TRUE(send());
    acknowledge_after(100ms);
  }
  int sent = 0;
  for (int i = 0; i < 100; ++i, now_ += 17ms) sent += send() ? 1 : 0;
  EXPECT_EQ(sent, 7);  // 100 ms at 60 a second, and one
}

TEST_F(FlowControlTest, QueueingCostsBitsAndThenPictures) {
  EXPECT_TRUE(send());
  acknowledge_after(10ms);
  for (int i = 0; i < 10; ++i) {
    now_ += 20ms;
    if (send()) acknowledge_after(100ms);
  }
  EXPECT_LT(flow_.bitrate(), 4'000'000u);
  EXPECT_EQ(flow_.fps(), 60);
  for (int i = 0; i < 100; ++i) {
    now_ += 200ms;
    // What was short is forgotten after a while, so the line gets longer and longer.
    if (send()) acknowledge_after(std::chrono::milliseconds(100 + 20 * i));
  }
  EXPECT_EQ(flow_.bitrate(), 300'000u);
  EXPECT_EQ(flow_.fps(), 5);
}

// A viewer whose processor is busy takes long to decode; fewer bits would not help it, and the window slows it down.
TEST_F(FlowControlTest, ABusyViewerOnAnIdleLineLosesNeitherBitsNorPictures) {
  EXPECT_TRUE(send());
  acknowledge_after(10ms, 0, 5ms);
  const auto bitrate = flow_.bitrate();
  for (int i = 0; i < 100; ++i) {
    now_ += 20ms;
    if (send()) acknowledge_after(205ms, 2, 200ms);
  }
  EXPECT_GE(flow_.bitrate(), bitrate);
  EXPECT_EQ(flow_.fps(), 60);
  // On a line that queues as well, it does lose.
  for (int i = 0; i < 10; ++i) {
    now_ += 20ms;
    if (send()) acknowledge_after(300ms, 2, 200ms);
  }
  EXPECT_LT(flow_.bitrate(), bitrate);
}

TEST_F(FlowControlTest, AViewerThatHoldsPicturesForLongerThanTheyWereAwayIsNotBelieved) {
  for (int i = 0; i < 20; ++i) {
    now_ += 20ms;
    if (send()) acknowledge_after(10ms, 0, 60s);
  }
  EXPECT_EQ(flow_.round_trip(), 10ms);
  EXPECT_EQ(flow_.fps(), 60);
}

// Without that, two pictures would always be on their way, and each would wait for the one before.
TEST_F(FlowControlTest, APictureReachesASlowViewerWhenItHasPaintedTheOneBefore) {
  constexpr auto kLine = 2ms;  // one way
  constexpr auto kWork = 40ms;
  struct OnItsWay {
    std::uint32_t frame;
    FlowControl::Time received, painted;
  };
  std::deque<OnItsWay> pictures;
  FlowControl::Time free = now_;  // the viewer, of what it has
  const auto end = now_ + 10s;
  int painted = 0;
  FlowControl::Clock::duration waited{};
  for (; now_ < end; now_ += 1ms) {
    while (!pictures.empty() && pictures.front().painted + kLine <= now_) {
      const OnItsWay picture = pictures.front();
      pictures.pop_front();
      ASSERT_TRUE(flow_.acknowledged(
          picture.frame, {.received = microseconds(picture.received), .painted = microseconds(picture.painted)}, now_));
      if (++painted > 50) waited += picture.painted - kWork - picture.received;
    }
    if (!send()) continue;
    const auto received = now_ + kLine;
    free = std::max(free, received) + kWork;
    pictures.push_back({.frame = frame_, .received = received, .painted = free});
  }
  EXPECT_GT(painted, 220);                   // of the 250 for which there is time
  EXPECT_LT(waited / (painted - 50), 10ms);  // with two on their way all the time it is 36
}

TEST_F(FlowControlTest, GoodLineGetsMore) {
  for (int i = 0; i < 600; ++i) {
    now_ += 16ms;
    if (send(50'000)) acknowledge_after(3ms);
  }
  EXPECT_GT(flow_.bitrate(), 16'000'000u);
}

// What moves next would be coded for a line that nobody has tried.
TEST_F(FlowControlTest, WhatIsNotUsedDoesNotGrow) {
  for (int i = 0; i < 600; ++i) {
    now_ += 16ms;
    if (send(1000)) acknowledge_after(3ms);
  }
  EXPECT_EQ(flow_.bitrate(), 8'000'000u);
}

TEST_F(FlowControlTest, WhatEverybodyGetsComesBackWithoutUse) {
  for (int i = 0; i < 10; ++i) {
    now_ += 20ms;
    if (send(1000)) acknowledge_after(std::chrono::milliseconds(3 + 60 * i));
  }
  EXPECT_LT(flow_.bitrate(), 6'000'000u);
  for (int i = 0; i < 2000; ++i) {
    now_ += 16ms;
    if (send(1000)) acknowledge_after(3ms);
  }
  EXPECT_GT(flow_.bitrate(), 7'000'000u);
  EXPECT_LE(flow_.bitrate(), 8'000'000u);
}

TEST_F(FlowControlTest, ALineThatBecomesLongerIsNoQueue) {
  for (int i = 0; i < 100; ++i) {
    now_ += 16ms;
    if (send()) acknowledge_after(3ms);
  }
  for (int i = 0; i < 20; ++i) {
    now_ += 16ms;
    if (send()) acknowledge_after(160ms);
  }
  EXPECT_GT(flow_.bitrate(), 2'000'000u);  // cut six times
  EXPECT_EQ(flow_.fps(), 60);
  EXPECT_EQ(flow_.round_trip(), 160ms);
}

// Ways of 95 ms at best, and 20 or 25 more nearly always.
TEST_F(FlowControlTest, ALongLineIsLessSteadyWithoutAQueue) {
  for (int i = 0; i < 10; ++i) {
    now_ += 100ms;
    if (send()) acknowledge_after(95ms, 8);
  }
  EXPECT_EQ(flow_.fps(), 5);
  for (int i = 0; i < 60; ++i) {
    now_ += 200ms;
    if (send()) acknowledge_after(i % 2 != 0 ? 115ms : 120ms);
  }
  EXPECT_EQ(flow_.fps(), 60);
}

TEST_F(FlowControlTest, DecoderThatIsBehindGetsFewerPicturesUntilItIsNot) {
  for (int i = 0; i < 10; ++i) {
    now_ += 100ms;
    if (send()) acknowledge_after(20ms, 8);
  }
  EXPECT_EQ(flow_.fps(), 5);
  for (int i = 0; i < 100; ++i) {
    now_ += 200ms;
    if (send()) acknowledge_after(20ms, 0);
  }
  EXPECT_EQ(flow_.fps(), 60);
}

TEST_F(FlowControlTest, ForgetsWhatANewDecoderWillNotPaint) {
  EXPECT_TRUE(send());
  now_ += 17ms;
  EXPECT_TRUE(send());
  flow_.forget_in_flight();
  now_ += 17ms;
  EXPECT_TRUE(send());
  EXPECT_EQ(flow_.in_flight(), 1u);
}

TEST_F(FlowControlTest, StagesAreOfPicturesOnTheirWay) {
  frame::Row row{};
  row[0] = 1;
  flow_.sent({.frame = 1, .bytes = 1, .time = now_, .row = row});
  flow_.sent({.frame = 2, .bytes = 1, .time = now_});
  flow_.note_stage(1, frame::Stage::sent, 5);
  flow_.note_stage(2, frame::Stage::sent, 6);  // a refinement, which has no row
  EXPECT_EQ(flow_.acknowledged(1, {}, now_)->row[static_cast<std::size_t>(frame::Stage::sent)], 5u);
  EXPECT_EQ(flow_.acknowledged(2, {}, now_)->row, frame::Row{});
}

}  // namespace
}  // namespace hesper::screen::web
