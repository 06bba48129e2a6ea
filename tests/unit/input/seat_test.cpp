// Seat: several viewers on the same devices, and where on the desktop they point.
#include "input/seat.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace hesper::input {
namespace {

constexpr auto kA = static_cast<KeyCode>(30);
constexpr auto kLeft = static_cast<KeyCode>(BTN_LEFT);

class SeatTest : public ::testing::Test {
 protected:
  std::unique_ptr<Sink> join() {
    return seat_.join([this](Leds leds) { leds_.push_back(leds); });
  }
  // What waits, as "type code value" without the ends of frames.
  std::vector<std::string> take(Kind kind) {
    std::vector<std::string> result;
    while (const auto event = seat_.device(kind).next()) {
      if (event->type == EV_SYN) continue;
      result.push_back(std::to_string(event->type) + " " + std::to_string(event->code) + " " +
                       std::to_string(static_cast<std::int32_t>(event->value)));
    }
    return result;
  }
  using Lines = std::vector<std::string>;

  Desktop desktop_{.displays = {Desktop::Area{.x = 0, .y = 0, .width = 1000, .height = 500}}};
  Seat seat_{[this] { return desktop_; }};
  std::vector<Leds> leds_;
};

TEST_F(SeatTest, AKeyIsDownWhileAnybodyHoldsIt) {
  auto one = join();
  auto other = join();
  one->key(kA, true);
  one->flush();
  other->key(kA, true);
  other->flush();
  EXPECT_EQ(take(Kind::keyboard), (Lines{"1 30 1"}));
  one->key(kA, false);
  one->flush();
  EXPECT_EQ(take(Kind::keyboard), Lines());
  other->key(kA, false);
  other->flush();
  EXPECT_EQ(take(Kind::keyboard), (Lines{"1 30 0"}));
}

TEST_F(SeatTest, WhoLeavesLetsGo) {
  auto one = join();
  auto other = join();
  one->key(kA, true);
  one->key(static_cast<KeyCode>(31), true);
  one->touch(0, 0, 1, 1);
  one->button(kLeft, true);
  other->key(static_cast<KeyCode>(31), true);
  one->flush();
  other->flush();
  for (const Kind kind : kAllKinds) take(kind);
  one.reset();
  EXPECT_EQ(take(Kind::keyboard), (Lines{"1 30 0"}));
  EXPECT_EQ(take(Kind::tablet), (Lines{"1 272 0"}));
  EXPECT_EQ(take(Kind::touch), (Lines{"3 47 0", "3 57 -1", "1 330 0"}));
  EXPECT_EQ(seat_.members(), 1U);
}

TEST_F(SeatTest, NobodyCanLetGoOfWhatAnotherHolds) {
  auto one = join();
  auto other = join();
  one->key(kA, true);
  one->touch(0, 0, 1, 1);
  one->flush();
  take(Kind::keyboard);
  take(Kind::touch);
  other->key(kA, false);
  other->touch_end(0);
  other->flush();
  EXPECT_EQ(take(Kind::keyboard), Lines());
  EXPECT_EQ(take(Kind::touch), Lines());
}

TEST_F(SeatTest, ButtonsGoWhereThePointerMovedLast) {
  auto sink = join();
  sink->move_by(1, 0);
  sink->button(kLeft, true);
  sink->move_to(0, 100, 100);
  sink->button(kLeft, false);
  sink->button(kLeft, true);
  sink->flush();
  EXPECT_EQ(take(Kind::mouse), (Lines{"2 0 1", "1 272 1", "1 272 0"}));
  EXPECT_EQ(take(Kind::tablet), (Lines{"3 0 100", "3 1 100", "1 272 1"}));
}

TEST_F(SeatTest, WheelsTurnInNotchesToo) {
  auto sink = join();
  sink->scroll(60, 0);
  sink->flush();
  EXPECT_EQ(take(Kind::tablet), (Lines{"2 11 60"}));
  sink->scroll(60, -240);
  sink->flush();
  EXPECT_EQ(take(Kind::tablet), (Lines{"2 8 1", "2 11 60", "2 6 -2", "2 12 -240"}));
  sink->scroll(100, 0);
  sink->scroll(-30, 0);  // what was left the other way is forgotten
  sink->scroll(-90, 0);
  sink->flush();
  EXPECT_EQ(take(Kind::tablet), (Lines{"2 11 100", "2 11 -30", "2 8 -1", "2 11 -90"}));
}

TEST_F(SeatTest, FingersOfSeveralGetSlotsOfTheirOwn) {
  auto one = join();
  auto other = join();
  one->touch(0, 0, 10, 10);
  one->flush();
  other->touch(0, 0, 20, 20);
  other->flush();
  auto lines = take(Kind::touch);
  EXPECT_EQ(lines[0], "3 47 0");
  EXPECT_EQ(lines[7], "3 47 1");
  for (std::uint32_t finger = 0; finger < 20; ++finger) other->touch(finger, 0, 1, 1);
  other->flush();
  take(Kind::touch);
  one->touch(1, 0, 5, 5);  // all ten are taken
  one->flush();
  EXPECT_EQ(take(Kind::touch), Lines());
  one->touch_end(1);
  one->touch_end(77);
  one->flush();
  EXPECT_EQ(take(Kind::touch), Lines());
}

TEST_F(SeatTest, AfterAResetNobodyHoldsAnything) {
  auto sink = join();
  sink->key(kA, true);
  sink->flush();
  seat_.device(Kind::keyboard).reset();
  EXPECT_EQ(take(Kind::keyboard), Lines());
  sink->key(kA, false);
  sink->flush();
  EXPECT_EQ(take(Kind::keyboard), Lines());
  sink->key(kA, true);
  sink->flush();
  EXPECT_EQ(take(Kind::keyboard), (Lines{"1 30 1"}));
}

TEST_F(SeatTest, LightsAreToldToAll) {
  auto one = join();
  EXPECT_EQ(leds_, (std::vector<Leds>{{}}));
  auto other = join();
  Device& keyboard = seat_.device(Kind::keyboard);
  keyboard.status({.type = EV_LED, .code = LED_CAPSL, .value = 1});
  EXPECT_EQ(leds_, (std::vector<Leds>{{}, {}, {.caps_lock = true}, {.caps_lock = true}}));
  keyboard.status({.type = EV_LED, .code = LED_CAPSL, .value = 1});
  keyboard.status({.type = EV_LED, .code = 0x77, .value = 1});
  keyboard.status({.type = EV_KEY, .code = LED_NUML, .value = 1});
  seat_.device(Kind::tablet).status({.type = EV_LED, .code = LED_NUML, .value = 1});
  EXPECT_EQ(leds_.size(), 4U);
  keyboard.reset();
  EXPECT_EQ(leds_.back(), Leds{});
  EXPECT_EQ(leds_.size(), 6U);
}

TEST_F(SeatTest, WhatIsNoKeyOrButtonIsIgnored) {
  auto sink = join();
  for (const unsigned code : {0x110U, 0x14aU, 0x2ffU, 0x300U, 0xffffU}) {
    sink->key(static_cast<KeyCode>(code), true);
    sink->button(static_cast<KeyCode>(code == 0x110U ? 30U : code), true);
  }
  sink->move_to(7, 1, 1);
  sink->move_to(70, 1, 1);
  sink->touch(0, 16, 1, 1);
  sink->flush();
  for (const Kind kind : kAllKinds) EXPECT_EQ(take(kind), Lines());
}

TEST(PositionOn, OneDisplayIsTheDesktop) {
  const Desktop desktop{.displays = {Desktop::Area{.x = 0, .y = 0, .width = 1280, .height = 800}}};
  const auto position = position_on(desktop, 0, 65535, 0);
  ASSERT_TRUE(position);
  EXPECT_EQ(position->x, 65535);
  EXPECT_EQ(position->y, 0);
  EXPECT_FALSE(position_on(desktop, 1, 0, 0));
  EXPECT_FALSE(position_on(desktop, 0xffffffff, 0, 0));
}

// Who multiplies by the desktop's size again finds the pixel that the viewer meant, on each of several displays.
TEST(PositionOn, PixelsStayPixels) {
  Desktop desktop;
  desktop.displays[0] = {.x = 0, .y = 0, .width = 1280, .height = 800};
  desktop.displays[2] = {.x = 1280, .y = 0, .width = 2560, .height = 1440};
  desktop.displays[3] = {.x = 3840, .y = 0, .width = 333, .height = 77};
  constexpr std::uint64_t kWidth = 4173;
  constexpr std::uint64_t kHeight = 1440;
  for (const std::uint32_t display : {0U, 2U, 3U}) {
    const auto& area = desktop.displays[display];
    for (std::uint64_t x = 0; x < area.width; ++x) {
      const auto sent = static_cast<std::uint16_t>((x * 65536 + 32768) / area.width);
      const auto position = position_on(desktop, display, sent, 0);
      ASSERT_TRUE(position);
      ASSERT_EQ(static_cast<std::uint64_t>(position->x) * kWidth / 65536, area.x + x) << display;
    }
    for (std::uint64_t y = 0; y < area.height; ++y) {
      const auto sent = static_cast<std::uint16_t>((y * 65536 + 32768) / area.height);
      const auto position = position_on(desktop, display, 0, sent);
      ASSERT_EQ(static_cast<std::uint64_t>(position->y) * kHeight / 65536, y) << display;
    }
  }
}

TEST(PositionOn, HugeDisplaysDoNotOverflow) {
  Desktop desktop;
  for (auto& area : desktop.displays)
    area = {.x = 0xffffffff, .y = 0xffffffff, .width = 0xffffffff, .height = 0xffffffff};
  desktop.displays[0] = {.x = 0, .y = 0, .width = 1, .height = 1};
  const auto position = position_on(desktop, 15, 65535, 65535);
  ASSERT_TRUE(position);
  EXPECT_LE(position->x, 65535);
  EXPECT_GE(position->x, 0);
}

}  // namespace
}  // namespace hesper::input
