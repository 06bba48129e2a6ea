// InputTap: what has no driver goes to the tap, what has one does not, and nothing stays down on the way from one to
// the other.
#include "device/input_tap.h"

#include <gtest/gtest.h>

#include <cstring>
#include <optional>
#include <vector>

#include "platform/signals.h"
#include "platform/socket.h"

namespace hesper::device {
namespace {

using input::Kind;

class InputTapTest : public ::testing::Test {
 protected:
  void SetUp() override {
    platform::ignore_broken_pipes();
    connect();
  }
  void connect() {
    auto pair = platform::create_socket_pair();
    ASSERT_TRUE(pair);
    tap_.connect(std::move(pair->second));
    socket_ = std::move(pair->first);
  }
  void ask() {
    const std::byte one{1};
    ASSERT_TRUE(platform::send_all(socket_.get(), std::span(&one, 1)));
    pump();
  }
  void pump() {
    for (int i = 0; i < 10; ++i) loop_->run_once(std::chrono::milliseconds(0));
  }
  std::optional<input::TapBatch> take() {
    input::TapBatch batch;
    const auto part = platform::receive_part(socket_.get(), std::as_writable_bytes(std::span(&batch, 1)), 0);
    return part.size == sizeof(batch) ? std::optional(batch) : std::nullopt;
  }
  void press(std::uint16_t code, bool down) {
    viewer_->key(static_cast<input::KeyCode>(code), down);
    viewer_->flush();
  }

  std::unique_ptr<platform::EventLoop> loop_ = *platform::EventLoop::create();
  input::Seat seat_{[] { return input::Desktop{}; }};
  InputTap tap_{*loop_, seat_};
  std::unique_ptr<input::Sink> viewer_ = seat_.join(nullptr);
  UniqueFd socket_;
};

TEST_F(InputTapTest, ABatchForEachThatIsAskedFor) {
  press(30, true);
  EXPECT_FALSE(take());
  ask();
  const auto batch = take();
  ASSERT_TRUE(batch);
  EXPECT_EQ(batch->count, 2U);
  EXPECT_EQ(batch->events[0].kind, 0U);
  EXPECT_EQ(batch->events[0].event, (input::virtio_input_event{.type = input::EV_KEY, .code = 30, .value = 1}));
  press(30, false);
  EXPECT_FALSE(take());
  ask();
  EXPECT_EQ(take()->events[0].event.value, 0U);
  ask();
  EXPECT_FALSE(take());
  press(31, true);
  EXPECT_TRUE(take());
}

TEST_F(InputTapTest, AnyNumberOfEventsComesInBatches) {
  for (std::uint16_t i = 0; i < 200; ++i) press(static_cast<std::uint16_t>(1 + i / 2), i % 2 == 0);
  std::size_t events = 0;
  for (ask();; ask()) {
    const auto batch = take();
    if (!batch) break;
    ASSERT_LE(batch->count, input::TapBatch::kMost);
    events += batch->count;
  }
  EXPECT_EQ(events, 400U);
}

TEST_F(InputTapTest, ADriverThatBeginsGetsEverythingAndTheTapLetsGo) {
  ask();
  press(30, true);
  EXPECT_TRUE(take());
  input::Device& keyboard = seat_.device(Kind::keyboard);
  keyboard.reset();
  keyboard.set_driver_runs(true);
  press(31, true);
  ask();
  const auto batch = take();
  ASSERT_TRUE(batch);
  EXPECT_EQ(batch->count, 1U);
  EXPECT_EQ(batch->events[0].event, (input::virtio_input_event{.type = input::EV_KEY, .code = 30, .value = 0}));
  EXPECT_EQ(keyboard.next(), (input::virtio_input_event{.type = input::EV_KEY, .code = 31, .value = 1}));
  ask();
  EXPECT_FALSE(take());
}

TEST_F(InputTapTest, ALaterOneTakesItsPlace) {
  const UniqueFd before = std::move(socket_);
  connect();
  ask();
  press(30, true);
  EXPECT_TRUE(take());
  std::byte byte{};
  EXPECT_EQ(platform::receive_exactly(before.get(), std::span(&byte, 1)), platform::Received::end);
  socket_ = UniqueFd();
  pump();
  EXPECT_FALSE(tap_.is_connected());
  press(31, true);  // waits
}

}  // namespace
}  // namespace hesper::device
