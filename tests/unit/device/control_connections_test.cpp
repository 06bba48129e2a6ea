// ControlConnections: each request gets its reply; whoever breaks the rules loses his connection, and nobody else's.
#include "device/control_connections.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <cstring>
#include <string>
#include <vector>

#include "device/gpu_door.h"
#include "device/report.h"
#include "platform/shared_memory.h"
#include "platform/signals.h"
#include "platform/socket.h"

namespace hesper::device {
namespace {

class NoMemory final : public gpu::GuestMemory {
 public:
  [[nodiscard]] std::shared_ptr<const gpu::GuestView> view() const override {
    class Nothing final : public gpu::GuestView {
      [[nodiscard]] std::span<std::byte> at(std::uint64_t, std::uint64_t) const noexcept override { return {}; }
    };
    return std::make_shared<Nothing>();
  }
};

class ControlConnectionsTest : public ::testing::Test {
 protected:
  void SetUp() override { platform::ignore_broken_pipes(); }

  UniqueFd connect() {
    auto pair = platform::create_socket_pair();
    EXPECT_TRUE(pair);
    feeds_.tell(*device_);
    connections_.add(std::move(pair->second));
    return std::move(pair->first);
  }
  void pump() {
    for (int i = 0; i < 10; ++i) loop_->run_once(std::chrono::milliseconds(0));
  }
  ControlReply ask(int socket, const ControlRequest& request) {
    EXPECT_TRUE(platform::send_message(socket, std::as_bytes(std::span(&request, 1)), -1));
    pump();
    ControlReply reply{.version = 0};
    (void)platform::receive_message(socket, std::as_writable_bytes(std::span(&reply, 1)));
    return reply;
  }

  std::unique_ptr<platform::EventLoop> loop_ = *platform::EventLoop::create();
  NoMemory memory_;
  NoContexts contexts_;
  Screens screens_;
  std::unique_ptr<gpu::Device> device_ = *gpu::Device::create({}, memory_, contexts_, screens_);
  FrameFeeds feeds_{*loop_, nullptr};
  input::Seat seat_{[] { return input::Desktop{}; }};
  InputChannels inputs_{*loop_, seat_};
  InputTap tap_{*loop_, seat_};
  ControlConnections connections_{*loop_, *device_, screens_, feeds_, inputs_, tap_};
};

TEST_F(ControlConnectionsTest, ADisplayGetsItsMode) {
  const UniqueFd socket = connect();
  const auto reply = ask(socket.get(), {.command = ControlCommand::set_display,
                                        .display = 0,
                                        .connected = 1,
                                        .width = 1000,
                                        .height = 900,
                                        .refresh_mhz = 75'000});
  EXPECT_EQ(reply.version, kControlVersion);
  EXPECT_EQ(reply.error, 0u);
  EXPECT_EQ(device_->outputs().get(0).monitor.width, 1000u);
  EXPECT_EQ(ask(socket.get(), {.command = ControlCommand::set_display}).error, 0u);
  EXPECT_FALSE(device_->outputs().get(0).connected);
  EXPECT_EQ(device_->outputs().get(0).monitor.width, 1000u);  // for when it comes back
}

TEST_F(ControlConnectionsTest, AConnectionBecomesAnInputChannel) {
  const UniqueFd socket = connect();
  const auto reply = ask(socket.get(), {.command = ControlCommand::input});
  EXPECT_EQ(reply.error, 0u);
  EXPECT_EQ(connections_.count(), 0u);
  EXPECT_EQ(inputs_.count(), 1u);
  const std::array<input::ChannelMessage, 2> messages = {
      {{.kind = input::ChannelKind::key, .what = 30, .a = 1}, {.kind = input::ChannelKind::flush}}};
  ASSERT_TRUE(platform::send_all(socket.get(), std::as_bytes(std::span(messages))));
  pump();
  EXPECT_TRUE(seat_.device(input::Kind::keyboard).events().is_down(30));
}

TEST_F(ControlConnectionsTest, WhatIsNotPossibleIsAnsweredWithASentence) {
  const UniqueFd socket = connect();
  for (const ControlRequest& request :
       {ControlRequest{.command = ControlCommand::screenshot}, ControlRequest{.command = ControlCommand{77}},
        ControlRequest{.command = ControlCommand::set_display, .display = 1},
        ControlRequest{.command = ControlCommand::screenshot, .display = 0xffffffff},
        ControlRequest{.command = ControlCommand::set_display, .connected = 1, .width = 0xffffffff}}) {
    const auto reply = ask(socket.get(), request);
    EXPECT_NE(reply.error, 0u);
    EXPECT_NE(reply.message[0], '\0');
    EXPECT_EQ(reply.message.back(), '\0');
  }
}

TEST_F(ControlConnectionsTest, OtherBytesEndTheConnection) {
  const UniqueFd good = connect();
  for (const auto& bytes : {std::vector<std::byte>(31), std::vector<std::byte>(32, std::byte{0xff})}) {
    const UniqueFd socket = connect();
    ASSERT_TRUE(platform::send_message(socket.get(), bytes, -1));
    EXPECT_EQ(connections_.count(), 2u);
    pump();
    EXPECT_EQ(connections_.count(), 1u);
  }
  EXPECT_EQ(ask(good.get(), {.command = ControlCommand::screenshot}).version, kControlVersion);
}

TEST_F(ControlConnectionsTest, WhoDoesNotReadLosesHis) {
  const UniqueFd socket = connect();
  const ControlRequest request{.command = ControlCommand::screenshot};
  for (int i = 0; i < 100'000 && connections_.count() == 1; ++i) {
    (void)platform::send_message(socket.get(), std::as_bytes(std::span(&request, 1)), -1);
    loop_->run_once(std::chrono::milliseconds(0));
  }
  EXPECT_EQ(connections_.count(), 0u);
}

TEST_F(ControlConnectionsTest, ThereIsRoomForAFew) {
  std::vector<UniqueFd> sockets;
  for (std::size_t i = 0; i < ControlConnections::kMost + 3; ++i) sockets.push_back(connect());
  EXPECT_EQ(connections_.count(), ControlConnections::kMost);
  sockets.clear();
  pump();
  EXPECT_EQ(connections_.count(), 0u);
}

TEST_F(ControlConnectionsTest, TheFirstDisplayThatIsNotConnectedIsAdded) {
  device_ = *gpu::Device::create({.outputs = std::vector<gpu::Output>(3)}, memory_, contexts_, screens_);
  gpu::Output off;
  off.connected = false;
  ASSERT_TRUE(device_->set_output(1, off));
  ASSERT_TRUE(device_->set_output(2, off));
  feeds_.tell(*device_);
  ControlConnections connections(*loop_, *device_, screens_, feeds_, inputs_, tap_);
  auto pair = platform::create_socket_pair();
  ASSERT_TRUE(pair);
  connections.add(std::move(pair->second));
  const ControlRequest add{
      .command = ControlCommand::add_display, .connected = 1, .width = 800, .height = 600, .refresh_mhz = 75'000};
  for (const std::uint32_t display : {1u, 2u}) {
    const auto reply = ask(pair->first.get(), add);
    EXPECT_EQ(reply.error, 0u) << reply.message.data();
    EXPECT_EQ(reply.display, display);
    EXPECT_TRUE(device_->outputs().get(display).connected);
    EXPECT_EQ(device_->outputs().get(display).monitor.refresh_mhz, 75'000u);
  }
  EXPECT_EQ(ask(pair->first.get(), add).error, static_cast<std::uint32_t>(ENOSPC));
}

TEST_F(ControlConnectionsTest, AReportTellsWhatThereIs) {
  const UniqueFd socket = connect();
  const ControlRequest request{.command = ControlCommand::report, .display = 99};
  ASSERT_TRUE(platform::send_message(socket.get(), std::as_bytes(std::span(&request, 1)), -1));
  pump();
  ControlReply reply{.version = 0};
  const auto received = platform::receive_message(socket.get(), std::as_writable_bytes(std::span(&reply, 1)));
  ASSERT_EQ(reply.error, 0u);
  ASSERT_TRUE(received.fd);
  EXPECT_TRUE(platform::cannot_shrink(received.fd.get()));
  const auto mapping = platform::Mapping::map(received.fd.get(), sizeof(DeviceReport));
  ASSERT_TRUE(mapping);
  DeviceReport report;
  std::memcpy(&report, mapping->data(), sizeof(report));
  EXPECT_EQ(report.display_count, 1u);
  EXPECT_EQ(report.displays[0].connected, 1u);
  EXPECT_EQ(report.displays[0].width, device_->outputs().get(0).monitor.width);
  EXPECT_EQ(report.has_guest, 0u);
  EXPECT_EQ(report.displays[0].flushes, 0u);
}

}  // namespace
}  // namespace hesper::device
