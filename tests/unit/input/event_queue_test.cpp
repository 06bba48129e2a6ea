// EventQueue: frames go whole, motion becomes one, and nothing stays down.
#include "input/event_queue.h"

#include <gtest/gtest.h>

#include <map>
#include <ostream>
#include <random>
#include <vector>

namespace hesper::input {

void PrintTo(const virtio_input_event& event, std::ostream* out) {
  *out << "{" << event.type << ", " << event.code << ", " << static_cast<std::int32_t>(event.value) << "}";
}

namespace {

using Events = std::vector<virtio_input_event>;

virtio_input_event event(std::uint16_t type, std::uint16_t code, std::int32_t value) {
  return {.type = type, .code = code, .value = static_cast<std::uint32_t>(value)};
}
const virtio_input_event kSync = event(EV_SYN, SYN_REPORT, 0);

Events take(EventQueue& queue) {
  Events events;
  while (const auto next = queue.next()) events.push_back(*next);
  return events;
}

void tap(EventQueue& queue, std::uint16_t code) {
  for (const bool down : {true, false}) {
    queue.key(code, down);
    queue.sync();
  }
}

TEST(EventQueue, AFrameEndsWithSync) {
  EventQueue queue;
  queue.key(30, true);
  queue.move(5, 6);
  EXPECT_FALSE(queue.next());
  queue.sync();
  EXPECT_EQ(take(queue), (Events{event(EV_KEY, 30, 1), event(EV_ABS, ABS_X, 5), event(EV_ABS, ABS_Y, 6), kSync}));
  queue.sync();
  EXPECT_FALSE(queue.next());
}

TEST(EventQueue, WhatIsSoAlreadyIsNoEvent) {
  EventQueue queue;
  queue.key(30, false);
  queue.lift(3);
  queue.sync();
  EXPECT_FALSE(queue.next());
  for (int i = 0; i < 2; ++i) {
    queue.key(30, true);
    queue.move(5, 6);
    queue.touch(0, 5, 6);
    queue.sync();
    EXPECT_EQ(take(queue).empty(), i == 1);
  }
  queue.key(0x300, true);
  queue.key(0xffff, true);
  queue.sync();
  EXPECT_FALSE(queue.next());
}

TEST(EventQueue, MotionBecomesOne) {
  EventQueue queue;
  queue.move(1, 1);
  queue.sync();
  queue.move(2, 1);
  queue.sync();
  queue.move(2, 9);
  queue.sync();
  EXPECT_EQ(take(queue), (Events{event(EV_ABS, ABS_X, 2), event(EV_ABS, ABS_Y, 9), kSync}));
  for (const int step : {3, 4, -1}) {
    queue.step(REL_X, step);
    queue.sync();
  }
  queue.step(REL_WHEEL, 1);
  queue.sync();
  EXPECT_EQ(take(queue), (Events{event(EV_REL, REL_X, 6), event(EV_REL, REL_WHEEL, 1), kSync}));
}

TEST(EventQueue, MotionStaysBeforeAndBehindAButton) {
  EventQueue queue;
  queue.move(1, 1);
  queue.sync();
  tap(queue, BTN_LEFT);
  queue.move(2, 2);
  queue.sync();
  queue.move(3, 3);
  queue.sync();
  EXPECT_EQ(take(queue),
            (Events{event(EV_ABS, ABS_X, 1), event(EV_ABS, ABS_Y, 1), kSync, event(EV_KEY, BTN_LEFT, 1), kSync,
                    event(EV_KEY, BTN_LEFT, 0), kSync, event(EV_ABS, ABS_X, 3), event(EV_ABS, ABS_Y, 3), kSync}));
}

TEST(EventQueue, AFrameThatHasBegunDoesNotChange) {
  EventQueue queue;
  queue.move(1, 1);
  queue.sync();
  EXPECT_EQ(queue.next(), event(EV_ABS, ABS_X, 1));
  queue.move(2, 2);
  queue.sync();
  EXPECT_EQ(take(queue),
            (Events{event(EV_ABS, ABS_Y, 1), kSync, event(EV_ABS, ABS_X, 2), event(EV_ABS, ABS_Y, 2), kSync}));
}

TEST(EventQueue, FingersAreSlotsWithTrackingIds) {
  EventQueue queue;
  queue.touch(2, 10, 20);
  queue.sync();
  EXPECT_EQ(take(queue),
            (Events{event(EV_ABS, ABS_MT_SLOT, 2), event(EV_ABS, ABS_MT_TRACKING_ID, 0),
                    event(EV_ABS, ABS_MT_POSITION_X, 10), event(EV_ABS, ABS_MT_POSITION_Y, 20),
                    event(EV_KEY, BTN_TOUCH, 1), event(EV_ABS, ABS_X, 10), event(EV_ABS, ABS_Y, 20), kSync}));
  queue.touch(0, 30, 40);
  queue.sync();
  queue.lift(2);
  queue.sync();
  queue.lift(0);
  queue.sync();
  EXPECT_EQ(take(queue),
            (Events{event(EV_ABS, ABS_MT_SLOT, 0), event(EV_ABS, ABS_MT_TRACKING_ID, 1),
                    event(EV_ABS, ABS_MT_POSITION_X, 30), event(EV_ABS, ABS_MT_POSITION_Y, 40),
                    event(EV_ABS, ABS_X, 30), event(EV_ABS, ABS_Y, 40), kSync, event(EV_ABS, ABS_MT_SLOT, 2),
                    event(EV_ABS, ABS_MT_TRACKING_ID, -1), kSync, event(EV_ABS, ABS_MT_SLOT, 0),
                    event(EV_ABS, ABS_MT_TRACKING_ID, -1), event(EV_KEY, BTN_TOUCH, 0), kSync}));
}

TEST(EventQueue, MotionOfOneFingerBecomesOne) {
  EventQueue queue;
  queue.touch(0, 1, 1);
  queue.touch(1, 2, 2);
  queue.sync();
  take(queue);
  for (int i = 0; i < 5; ++i) {
    queue.touch(1, 10 + i, 2);
    queue.sync();
  }
  EXPECT_EQ(queue.waiting(), 1U);
  queue.touch(0, 7, 7);
  queue.sync();
  EXPECT_EQ(queue.waiting(), 2U);
  EXPECT_EQ(take(queue), (Events{event(EV_ABS, ABS_MT_SLOT, 1), event(EV_ABS, ABS_MT_POSITION_X, 14),
                                 event(EV_ABS, ABS_MT_POSITION_Y, 2), kSync, event(EV_ABS, ABS_MT_SLOT, 0),
                                 event(EV_ABS, ABS_MT_POSITION_X, 7), event(EV_ABS, ABS_MT_POSITION_Y, 7),
                                 event(EV_ABS, ABS_X, 7), event(EV_ABS, ABS_Y, 7), kSync}));
}

TEST(EventQueue, WhoTakesNothingGetsTheDifferenceLater) {
  EventQueue queue;
  queue.key(30, true);
  queue.key(31, true);
  queue.touch(4, 1, 1);
  queue.sync();
  take(queue);
  for (int i = 0; i < 3000; ++i) {
    tap(queue, 40);
    ASSERT_LE(queue.waiting(), EventQueue::kMostFrames);
  }
  queue.key(31, false);
  queue.key(32, true);
  queue.lift(4);
  queue.move(100, 200);
  queue.step(REL_X, 5);
  queue.sync();
  EXPECT_EQ(queue.overflows(), 1U);
  EXPECT_EQ(take(queue), (Events{event(EV_ABS, ABS_MT_SLOT, 4), event(EV_ABS, ABS_MT_TRACKING_ID, -1),
                                 event(EV_ABS, ABS_X, 100), event(EV_ABS, ABS_Y, 200), event(EV_KEY, 31, 0),
                                 event(EV_KEY, 32, 1), event(EV_KEY, BTN_TOUCH, 0), kSync}));
  tap(queue, 41);
  EXPECT_EQ(take(queue).size(), 4U);
}

TEST(EventQueue, AFrameThatHasBegunEndsBeforeTheDifference) {
  EventQueue queue;
  queue.key(30, true);
  queue.key(31, true);
  queue.sync();
  EXPECT_EQ(queue.next(), event(EV_KEY, 30, 1));
  for (int i = 0; i < 3000; ++i) tap(queue, 40);
  queue.key(30, false);
  queue.sync();
  EXPECT_EQ(take(queue), (Events{event(EV_KEY, 31, 1), kSync, event(EV_KEY, 30, 0), kSync}));
}

TEST(EventQueue, AfterAResetNothingIsDownAndNothingWaits) {
  EventQueue queue;
  queue.key(30, true);
  queue.touch(1, 5, 5);
  queue.sync();
  EXPECT_TRUE(queue.next());
  queue.reset();
  EXPECT_FALSE(queue.next());
  EXPECT_FALSE(queue.is_down(30));
  queue.key(30, false);
  queue.lift(1);
  queue.sync();
  EXPECT_FALSE(queue.next());
}

TEST(EventQueue, AFrameHasAnEndEvenIfNobodySaysSo) {
  EventQueue queue;
  for (int i = 0; i < 1'000'000; ++i) queue.key(30, i % 2 == 0);
  EXPECT_LE(queue.waiting(), EventQueue::kMostFrames);
  Events events = take(queue);
  EXPECT_FALSE(queue.is_down(30));
}

TEST(EventQueue, StepsAddUpWithinBounds) {
  EventQueue queue;
  for (int i = 0; i < 1000; ++i) {
    queue.step(REL_X, EventQueue::kMostSteps);
    queue.step(REL_Y, -2'000'000'000);
    queue.sync();
  }
  EXPECT_EQ(take(queue), (Events{event(EV_REL, REL_X, EventQueue::kMostSteps),
                                 event(EV_REL, REL_Y, -EventQueue::kMostSteps), kSync}));
}

// Whatever happens and however the guest takes it: what it believes in the end is what is.
TEST(EventQueue, BelievesAreRightInTheEnd) {
  for (unsigned seed = 0; seed < 20; ++seed) {
    std::mt19937 random(seed);
    const auto below = [&](int n) { return static_cast<int>(random() % static_cast<unsigned>(n)); };
    EventQueue queue;
    std::map<int, bool> wanted, told;
    std::map<int, bool> wanted_fingers, told_fingers;
    int slot = 0;
    const auto read = [&](int most) {
      for (int i = 0; i < most; ++i) {
        const auto next = queue.next();
        if (!next) return;
        if (next->type == EV_KEY && next->code != BTN_TOUCH) told[next->code] = next->value != 0;
        if (next->type == EV_ABS && next->code == ABS_MT_SLOT) slot = static_cast<int>(next->value);
        if (next->type == EV_ABS && next->code == ABS_MT_TRACKING_ID)
          told_fingers[slot] = static_cast<std::int32_t>(next->value) >= 0;
      }
    };
    for (int round = 0; round < 20'000; ++round) {
      const bool on = below(2) == 0;
      if (below(3) != 0) {
        const int key = 1 + below(5);
        queue.key(static_cast<std::uint16_t>(key), on);
        wanted[key] = on;
      } else {
        const int finger = below(4);
        if (on)
          queue.touch(static_cast<std::uint32_t>(finger), below(10), below(10));
        else
          queue.lift(static_cast<std::uint32_t>(finger));
        wanted_fingers[finger] = on;
      }
      if (below(3) == 0) queue.sync();
      if (below(300) == 0) read(below(500));  // far fewer than there are
    }
    queue.sync();
    read(1'000'000);
    EXPECT_GT(queue.overflows(), 0U);
    for (const auto& [key, down] : wanted) EXPECT_EQ(told[key], down) << "key " << key << ", seed " << seed;
    for (const auto& [finger, down] : wanted_fingers)
      EXPECT_EQ(told_fingers[finger], down) << "finger " << finger << ", seed " << seed;
  }
}

}  // namespace
}  // namespace hesper::input
