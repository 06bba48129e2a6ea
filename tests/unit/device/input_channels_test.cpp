// InputChannels: messages become input, lights go back, and whoever breaks the rules loses his channel and what he
// holds.
#include "device/input_channels.h"

#include <gtest/gtest.h>

#include <array>
#include <cstring>
#include <optional>
#include <vector>

#include "platform/signals.h"
#include "platform/socket.h"

namespace hesper::device {
namespace {

using input::ChannelKind;
using input::ChannelMessage;

constexpr ChannelMessage kFlush{.kind = ChannelKind::flush};

class InputChannelsTest : public ::testing::Test {
 protected:
  void SetUp() override { platform::ignore_broken_pipes(); }

  UniqueFd connect() {
    auto pair = platform::create_socket_pair();
    EXPECT_TRUE(pair);
    channels_.add(std::move(pair->second));
    return std::move(pair->first);
  }
  void pump() {
    for (int i = 0; i < 200; ++i) loop_->run_once(std::chrono::milliseconds(0));
  }
  void send(const UniqueFd& socket, std::vector<ChannelMessage> messages) {
    EXPECT_TRUE(platform::send_all(socket.get(), std::as_bytes(std::span(messages))));
    pump();
  }
  bool is_down(std::uint16_t code) { return seat_.device(input::Kind::keyboard).events().is_down(code); }
  std::optional<std::uint32_t> lights(const UniqueFd& socket) {
    input::ChannelLeds leds;
    const auto part = platform::receive_part(socket.get(), std::as_writable_bytes(std::span(&leds, 1)), 0);
    return part.size == sizeof(leds) ? std::optional(leds.lit) : std::nullopt;
  }

  std::unique_ptr<platform::EventLoop> loop_ = *platform::EventLoop::create();
  input::Seat seat_{
      [] { return input::Desktop{.displays = {input::Desktop::Area{.x = 0, .y = 0, .width = 100, .height = 100}}}; }};
  InputChannels channels_{*loop_, seat_};
};

TEST_F(InputChannelsTest, WhatAChannelHoldsGoesWithIt) {
  UniqueFd one = connect();
  const UniqueFd other = connect();
  send(one, {{.kind = ChannelKind::key, .what = 30, .a = 1}, {.kind = ChannelKind::key, .what = 31, .a = 1}, kFlush});
  send(other, {{.kind = ChannelKind::key, .what = 31, .a = 1}, kFlush});
  EXPECT_TRUE(is_down(30));
  EXPECT_TRUE(is_down(31));
  one = UniqueFd();
  pump();
  EXPECT_FALSE(is_down(30));
  EXPECT_TRUE(is_down(31));
  EXPECT_EQ(channels_.count(), 1U);
}

TEST_F(InputChannelsTest, MessagesMayComeInPieces) {
  const UniqueFd socket = connect();
  const std::array<ChannelMessage, 2> messages = {{{.kind = ChannelKind::key, .what = 30, .a = 1}, kFlush}};
  for (const std::byte& byte : std::as_bytes(std::span(messages))) {
    EXPECT_TRUE(platform::send_all(socket.get(), std::span(&byte, 1)));
    pump();
  }
  EXPECT_TRUE(is_down(30));
}

TEST_F(InputChannelsTest, ManyMessagesAtOnce) {
  const UniqueFd socket = connect();
  std::vector<ChannelMessage> messages;
  for (std::uint32_t i = 0; i < 1000; ++i) {
    messages.push_back({.kind = ChannelKind::key, .what = 30, .a = i % 2 == 0 ? 0 : 1});
    messages.push_back(kFlush);
  }
  send(socket, messages);
  EXPECT_TRUE(is_down(30));
}

TEST_F(InputChannelsTest, LightsAreToldAtOnceAndWhenTheyChange) {
  const UniqueFd socket = connect();
  EXPECT_EQ(lights(socket), 0U);
  seat_.device(input::Kind::keyboard).status({.type = input::EV_LED, .code = input::LED_CAPSL, .value = 1});
  EXPECT_EQ(lights(socket), input::kLedCapsLock);
  const UniqueFd later = connect();
  EXPECT_EQ(lights(later), input::kLedCapsLock);
}

TEST_F(InputChannelsTest, WhoDoesNotReadLosesHisChannel) {
  const UniqueFd socket = connect();
  for (std::uint32_t i = 0; i < 1'000'000 && channels_.count() == 1; ++i) {
    seat_.device(input::Kind::keyboard).status({.type = input::EV_LED, .code = input::LED_CAPSL, .value = i % 2});
    loop_->run_once(std::chrono::milliseconds(0));
  }
  EXPECT_EQ(channels_.count(), 0U);
}

// As one that types a key and ends, before its channel has been added.
TEST_F(InputChannelsTest, WhoHasGoneAlreadyHasTypedAllTheSame) {
  auto pair = platform::create_socket_pair();
  ASSERT_TRUE(pair);
  send(
      pair->first,
      {{.kind = ChannelKind::key, .what = 30, .a = 1}, kFlush, {.kind = ChannelKind::key, .what = 30, .a = 0}, kFlush});
  pair->first = UniqueFd();
  channels_.add(std::move(pair->second));
  pump();
  EXPECT_EQ(channels_.count(), 0U);
  input::EventQueue& events = seat_.device(input::Kind::keyboard).events();
  const auto pressed = events.next();
  ASSERT_TRUE(pressed);
  EXPECT_EQ(pressed->type, input::EV_KEY);
  EXPECT_EQ(pressed->code, 30);
  EXPECT_EQ(pressed->value, 1U);
}

TEST_F(InputChannelsTest, NonsenseClosesTheChannelAndLetsGo) {
  const ChannelMessage cases[] = {
      {},
      {.kind = ChannelKind{9}},
      {.kind = ChannelKind{0xffff}},
      {.kind = ChannelKind::key, .what = 0x300, .a = 1},
      {.kind = ChannelKind::key, .what = 30, .a = 2},
      {.kind = ChannelKind::button, .what = 0xffffffff, .a = 1},
      {.kind = ChannelKind::button, .what = 0x110, .a = -1},
      {.kind = ChannelKind::move_to, .what = 0, .a = 65536},
      {.kind = ChannelKind::move_to, .what = 0, .a = 0, .b = -1},
      {.kind = ChannelKind::touch, .finger = 10},
      {.kind = ChannelKind::touch, .finger = 0, .a = -5},
      {.kind = ChannelKind::touch_end, .finger = 0xffff},
  };
  for (const ChannelMessage& bad : cases) {
    const UniqueFd socket = connect();
    send(socket, {{.kind = ChannelKind::key, .what = 30, .a = 1}, kFlush});
    EXPECT_TRUE(is_down(30));
    send(socket, {bad});
    EXPECT_EQ(channels_.count(), 0U) << static_cast<unsigned>(bad.kind);
    EXPECT_FALSE(is_down(30));
  }
}

TEST_F(InputChannelsTest, LargeNumbersDoNoHarm) {
  const UniqueFd socket = connect();
  constexpr auto kMost = std::numeric_limits<std::int32_t>::max();
  constexpr auto kLeast = std::numeric_limits<std::int32_t>::min();
  send(socket, {{.kind = ChannelKind::move_by, .a = kMost, .b = kLeast},
                {.kind = ChannelKind::scroll, .a = kLeast, .b = kMost},
                {.kind = ChannelKind::move_to, .what = 0xffffffff, .a = 1, .b = 1},
                {.kind = ChannelKind::touch, .what = 16, .a = 1, .b = 1},
                kFlush});
  EXPECT_EQ(channels_.count(), 1U);
}

}  // namespace
}  // namespace hesper::device
