// QemuInput: evdev's events in QEMU's words, one command at a time.
#include "vm/qemu_input.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "platform/signals.h"
#include "platform/socket.h"

namespace hesper::vm {
namespace {

using nlohmann::json;

input::TapEvent event(input::Kind kind, std::uint16_t type, std::uint16_t code, std::int32_t value) {
  return {.kind = static_cast<std::uint32_t>(kind),
          .event = {.type = type, .code = code, .value = static_cast<std::uint32_t>(value)}};
}
std::string words(const std::vector<input::TapEvent>& events) { return qmp_events(events).dump(); }

TEST(QmpEvents, Keys) {
  EXPECT_EQ(words({event(input::Kind::keyboard, input::EV_KEY, 30, 1)}),
            R"([{"data":{"down":true,"key":{"data":30,"type":"number"}},"type":"key"}])");
  EXPECT_EQ(words({event(input::Kind::keyboard, input::EV_KEY, 103, 0)}),
            R"([{"data":{"down":false,"key":{"data":200,"type":"number"}},"type":"key"}])");
}

TEST(QmpEvents, PointersAndWheels) {
  EXPECT_EQ(words({event(input::Kind::tablet, input::EV_ABS, input::ABS_X, 65535),
                   event(input::Kind::tablet, input::EV_ABS, input::ABS_Y, 0)}),
            R"([{"data":{"axis":"x","value":32767},"type":"abs"},{"data":{"axis":"y","value":0},"type":"abs"}])");
  EXPECT_EQ(words({event(input::Kind::mouse, input::EV_REL, input::REL_Y, -7)}),
            R"([{"data":{"axis":"y","value":-7},"type":"rel"}])");
  EXPECT_EQ(words({event(input::Kind::tablet, input::EV_KEY, input::BTN_LEFT + 2, 1)}),
            R"([{"data":{"button":"middle","down":true},"type":"btn"}])");
  EXPECT_EQ(qmp_events(std::vector{event(input::Kind::mouse, input::EV_REL, input::REL_WHEEL, -2)}).size(), 4U);
}

TEST(QmpEvents, WhatQemuDoesNotHaveIsLeftOut) {
  EXPECT_EQ(
      words({event(input::Kind::keyboard, input::EV_SYN, 0, 0), event(input::Kind::keyboard, input::EV_KEY, 84, 1),
             event(input::Kind::touch, input::EV_ABS, input::ABS_X, 5),
             event(input::Kind::touch, input::EV_KEY, input::BTN_TOUCH, 1), event(input::Kind{77}, 1, 30, 1),
             event(input::Kind::tablet, input::EV_KEY, input::BTN_LEFT + 6, 1),
             event(input::Kind::tablet, input::EV_REL, input::REL_WHEEL_HI_RES, 120),
             event(input::Kind::keyboard, input::EV_KEY, 0xffff, 1)}),
      "[]");
  constexpr auto kLeast = std::numeric_limits<std::int32_t>::min();
  EXPECT_LE(qmp_events(std::vector{event(input::Kind::mouse, input::EV_REL, input::REL_WHEEL, kLeast)}).size(), 32U);
}

class QemuInputTest : public ::testing::Test {
 protected:
  void SetUp() override {
    platform::ignore_broken_pipes();
    auto taps = platform::create_socket_pair();
    auto lines = platform::create_socket_pair();
    ASSERT_TRUE(taps && lines);
    gpu_ = std::move(taps->second);
    qemu_ = std::move(lines->second);
    qmp_ = std::make_unique<Qmp>(
        *loop_, std::move(lines->first),
        Qmp::Handlers{
            .ready = [](const QmpGreeting&) {}, .event = [](const QmpEvent&) {}, .closed = [](const std::string&) {}});
    input_ = std::make_unique<QemuInput>(*loop_, *qmp_);
    input_->start(std::move(taps->first));
  }
  void pump() {
    for (int i = 0; i < 10; ++i) loop_->run_once(std::chrono::milliseconds(0));
  }
  void send(std::uint16_t code) {
    input::TapBatch batch{.count = 1};
    batch.events[0] = event(input::Kind::keyboard, input::EV_KEY, code, 1);
    ASSERT_TRUE(platform::send_all(gpu_.get(), std::as_bytes(std::span(&batch, 1))));
    pump();
  }
  std::string take(const UniqueFd& socket) {
    std::array<std::byte, 4096> bytes;
    const auto part = platform::receive_part(socket.get(), bytes, 0);
    return {reinterpret_cast<const char*>(bytes.data()), part.size};
  }
  void answer(const std::string& line) {
    ASSERT_TRUE(platform::send_all(qemu_.get(), std::as_bytes(std::span(line))));
    pump();
  }

  std::unique_ptr<platform::EventLoop> loop_ = *platform::EventLoop::create();
  UniqueFd gpu_;
  UniqueFd qemu_;
  std::unique_ptr<Qmp> qmp_;
  std::unique_ptr<QemuInput> input_;
};

TEST_F(QemuInputTest, OneCommandIsOnItsWayAtATime) {
  EXPECT_EQ(take(gpu_).size(), 1U);
  send(30);
  EXPECT_THAT(take(qemu_), testing::HasSubstr("input-send-event"));
  EXPECT_EQ(take(gpu_), "");
  answer("{\"return\": {}, \"id\": 1}\n");
  EXPECT_EQ(take(gpu_).size(), 1U);
  send(31);
  answer("{\"error\": {\"class\": \"GenericError\", \"desc\": \"no handler\"}, \"id\": 2}\n");
  EXPECT_EQ(take(gpu_).size(), 1U);
  send(84);  // nothing for QEMU
  EXPECT_EQ(take(gpu_).size(), 1U);
}

TEST_F(QemuInputTest, AStoppedOneTakesNothing) {
  take(gpu_);
  input_->stop();
  std::byte byte{};
  EXPECT_EQ(platform::receive_exactly(gpu_.get(), std::span(&byte, 1)), platform::Received::end);
}

TEST_F(QemuInputTest, NonsenseEndsIt) {
  take(gpu_);
  const input::TapBatch batch{.count = 33};
  ASSERT_TRUE(platform::send_all(gpu_.get(), std::as_bytes(std::span(&batch, 1))));
  pump();
  std::byte byte{};
  EXPECT_EQ(platform::receive_exactly(gpu_.get(), std::span(&byte, 1)), platform::Received::end);
  EXPECT_EQ(take(qemu_), "");
}

}  // namespace
}  // namespace hesper::vm
