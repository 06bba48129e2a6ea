// InputDoor: stock QEMU's messages on one side and an input device on the other: buffers are filled with whole events,
// and neither a reset nor a hostile ring leaves anything down.
#include "device/input_door.h"

#include <gtest/gtest.h>

#include <chrono>
#include <cstring>
#include <optional>
#include <vector>

#include "input/seat.h"
#include "platform/signals.h"
#include "platform/socket.h"
#include "vhost/front_end.h"

namespace hesper::device {
namespace {

using vhost::testing::FrontEnd;
using vhost::testing::GuestDriver;
using vhost::testing::GuestRam;
using Event = input::virtio_input_event;

constexpr std::uint64_t kFeatures = (1ULL << 32) | (1ULL << 28) | (1ULL << 30);
constexpr std::uint64_t kBuffers = 0x4000'4000;  // of events; then, of the status
constexpr std::uint64_t kStatus = 0x4000'5000;
constexpr std::uint16_t kRingSize = 4;  // as QEMU's vhost-user-input-pci has it
constexpr auto kA = static_cast<input::KeyCode>(30);

class InputDoorTest : public ::testing::Test {
 protected:
  void SetUp() override {
    platform::ignore_broken_pipes();
    connect();
  }

  void connect() {
    auto pair = platform::create_socket_pair();
    ASSERT_TRUE(pair);
    front_.emplace(std::move(pair->first));
    ASSERT_TRUE(door_.serve(std::move(pair->second),
                            [this](vhost::BackEnd::Ending ending, const std::string&) { ended_ = ending; }));
    front_->connect(vhost::BackEnd::kProtocolFeatures);
    pump();
  }
  void pump() {
    for (int i = 0; i < 100; ++i) loop_->run_once(std::chrono::milliseconds(0));
    while (front_->take()) {
    }
  }
  void start(std::uint16_t base = 0) {
    const std::uint16_t bases[] = {base, 0};
    front_->start(kFeatures, ram_, drivers_, bases);
    pump();
  }
  void offer(std::uint16_t index, std::uint32_t size = sizeof(Event)) {
    drivers_[0].describe_chain(
        index, {{.addr = kBuffers + 16ULL * index, .len = size, .flags = vhost::VIRTQ_DESC_F_WRITE, .next = 0}});
    drivers_[0].offer(index);
  }
  void offer_all() {
    for (std::uint16_t i = 0; i < kRingSize; ++i) offer(i);
    front_->kick(0);
    pump();
  }
  // What was filled since the last call; all buffers are offered again.
  std::vector<Event> take() {
    std::vector<Event> events;
    for (;;) {
      const auto used = drivers_[0].take_used();
      if (used.empty()) return events;
      for (const auto& each : used) {
        EXPECT_EQ(each.written, sizeof(Event));
        Event event{};
        std::memcpy(&event, ram_.at(kBuffers + 16ULL * each.head, sizeof(event)), sizeof(event));
        events.push_back(event);
        offer(static_cast<std::uint16_t>(each.head));
      }
      front_->kick(0);
      pump();
    }
  }
  void tell(const Event& event, std::uint32_t size = sizeof(Event)) {
    std::memcpy(ram_.at(kStatus, sizeof(event)), &event, sizeof(event));
    drivers_[1].describe_chain(0, {{.addr = kStatus, .len = size, .flags = 0, .next = 0}});
    drivers_[1].offer(0);
    front_->kick(1);
    pump();
  }

  std::unique_ptr<platform::EventLoop> loop_ = *platform::EventLoop::create();
  input::Seat seat_{
      [] { return input::Desktop{.displays = {input::Desktop::Area{.x = 0, .y = 0, .width = 100, .height = 100}}}; }};
  std::unique_ptr<input::Sink> viewer_ = seat_.join(nullptr);
  GuestRam ram_{1 << 20};
  std::array<GuestDriver, 2> drivers_{GuestDriver(ram_, ram_.base(), kRingSize),
                                      GuestDriver(ram_, ram_.base() + 0x1000, kRingSize)};
  InputDoor door_{*loop_, seat_.device(input::Kind::keyboard)};
  std::optional<FrontEnd> front_;
  std::optional<vhost::BackEnd::Ending> ended_;
};

const Event kSync{.type = input::EV_SYN, .code = input::SYN_REPORT, .value = 0};
Event key(std::uint16_t code, std::uint32_t value) { return {.type = input::EV_KEY, .code = code, .value = value}; }

TEST_F(InputDoorTest, AKeyFillsTwoBuffers) {
  start();
  offer_all();
  viewer_->key(kA, true);
  viewer_->flush();
  EXPECT_GT(front_->calls(0), 0);
  EXPECT_EQ(take(), (std::vector{key(30, 1), kSync}));
}

TEST_F(InputDoorTest, AFrameLargerThanTheRingIsContinued) {
  start();
  offer_all();
  for (std::uint16_t code = 1; code <= 10; ++code) viewer_->key(static_cast<input::KeyCode>(code), true);
  viewer_->flush();
  const auto events = take();
  ASSERT_EQ(events.size(), 11U);
  EXPECT_EQ(events.front(), key(1, 1));
  EXPECT_EQ(events.back(), kSync);
}

TEST_F(InputDoorTest, WhatWaitsComesWithTheBuffers) {
  start();
  viewer_->key(kA, true);
  viewer_->flush();
  viewer_->key(kA, false);
  viewer_->flush();
  offer_all();
  EXPECT_EQ(take(), (std::vector{key(30, 1), kSync, key(30, 0), kSync}));
}

// As EDK2's driver does it.
TEST_F(InputDoorTest, BuffersThatComeBackWithoutAKickAreFound) {
  start();
  offer_all();
  std::vector<Event> events;
  for (int i = 0; i < 3; ++i) {
    for (const bool down : {true, false}) {
      viewer_->key(kA, down);
      viewer_->flush();
    }
  }
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  while (events.size() < 12 && std::chrono::steady_clock::now() < end) {
    loop_->run_once(std::chrono::milliseconds(10));
    for (const auto& each : drivers_[0].take_used()) {
      Event event{};
      std::memcpy(&event, ram_.at(kBuffers + 16ULL * each.head, sizeof(event)), sizeof(event));
      events.push_back(event);
      offer(static_cast<std::uint16_t>(each.head));
    }
  }
  const std::vector stroke{key(30, 1), kSync, key(30, 0), kSync};
  std::vector<Event> wanted;
  for (int i = 0; i < 3; ++i) wanted.insert(wanted.end(), stroke.begin(), stroke.end());
  EXPECT_EQ(events, wanted);
}

TEST_F(InputDoorTest, APauseKeepsWhatWaits) {
  start();
  offer_all();
  front_->stop();
  pump();
  viewer_->key(kA, true);
  viewer_->flush();
  EXPECT_TRUE(drivers_[0].take_used().empty());
  start(kRingSize);
  EXPECT_EQ(take(), (std::vector{key(30, 1), kSync}));
}

TEST_F(InputDoorTest, AResetLetsEverythingGo) {
  start();
  offer_all();
  viewer_->key(kA, true);
  viewer_->flush();
  take();
  tell({.type = input::EV_LED, .code = input::LED_CAPSL, .value = 1});
  front_->stop();
  pump();
  viewer_->key(static_cast<input::KeyCode>(31), true);
  viewer_->flush();
  for (auto& driver : drivers_) driver.reset();
  start();
  offer_all();
  EXPECT_FALSE(seat_.device(input::Kind::keyboard).leds().caps_lock);
  viewer_->key(kA, false);
  viewer_->flush();
  EXPECT_EQ(take(), std::vector<Event>());
}

TEST_F(InputDoorTest, StatusLightsLeds) {
  start();
  tell({.type = input::EV_LED, .code = input::LED_CAPSL, .value = 1});
  EXPECT_EQ(drivers_[1].take_used().size(), 1U);
  EXPECT_TRUE(seat_.device(input::Kind::keyboard).leds().caps_lock);
  tell({.type = input::EV_LED, .code = input::LED_CAPSL, .value = 0}, 7);  // half an event
  EXPECT_TRUE(seat_.device(input::Kind::keyboard).leds().caps_lock);
  EXPECT_EQ(drivers_[1].take_used().size(), 1U);
  tell({.type = input::EV_LED, .code = 0xffff, .value = 0xffffffff});
  EXPECT_EQ(drivers_[1].take_used().size(), 1U);
}

TEST_F(InputDoorTest, ABufferWithoutRoomForAnEventGoesBackEmpty) {
  start();
  offer(0, 7);
  offer(1);
  front_->kick(0);
  pump();
  const auto used = drivers_[0].take_used();
  ASSERT_EQ(used.size(), 1U);
  EXPECT_EQ(used[0].head, 0U);
  EXPECT_EQ(used[0].written, 0U);
}

TEST_F(InputDoorTest, ABrokenRingIsLeftAlone) {
  start();
  offer_all();
  drivers_[0].set_avail_idx(1000);
  front_->kick(0);
  pump();
  EXPECT_EQ(front_->errors(0), 1);
  viewer_->key(kA, true);
  viewer_->flush();
  pump();
  EXPECT_FALSE(ended_);
}

TEST_F(InputDoorTest, WhenOneFrontEndHasGoneAnotherMayCome) {
  start();
  offer_all();
  viewer_->key(kA, true);
  viewer_->flush();
  auto pair = platform::create_socket_pair();
  EXPECT_FALSE(door_.serve(std::move(pair->second), nullptr));
  front_->close();
  pump();
  EXPECT_EQ(ended_, vhost::BackEnd::Ending::front_end_left);
  EXPECT_FALSE(door_.is_serving());
  EXPECT_FALSE(seat_.device(input::Kind::keyboard).events().is_down(30));
  for (auto& driver : drivers_) driver.reset();
  connect();
  start();
  offer_all();
  viewer_->key(static_cast<input::KeyCode>(31), true);
  viewer_->flush();
  EXPECT_EQ(take(), (std::vector{key(31, 1), kSync}));
}

TEST_F(InputDoorTest, NonsenseEndsTheConnectionOnly) {
  const std::array<std::byte, 12> nonsense{std::byte{0xff}, std::byte{0xff}};
  front_->send_raw(nonsense);
  pump();
  EXPECT_EQ(ended_, vhost::BackEnd::Ending::front_end_at_fault);
  EXPECT_FALSE(door_.is_serving());
}

}  // namespace
}  // namespace hesper::device
