// RemoteInput: messages reach the other end, lights come back, and what is lost is opened again.
#include "input/remote_input.h"

#include <gtest/gtest.h>
#include <poll.h>

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <vector>

#include "input/channel.h"
#include "platform/signals.h"
#include "platform/socket.h"

namespace hesper::input {
namespace {

constexpr auto kA = static_cast<KeyCode>(30);

// The other ends of channels, in the order in which they were opened.
class Doorman {
 public:
  RemoteInput::Open open() {
    return [this]() -> Result<UniqueFd> {
      if (refuse) return fail("Nobody is there.");
      auto pair = platform::create_socket_pair();
      if (!pair) return std::unexpected(pair.error());
      const std::lock_guard lock(mutex_);
      ends_.push_back(std::move(pair->second));
      changed_.notify_all();
      return std::move(pair->first);
    };
  }
  UniqueFd next() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return !ends_.empty(); });
    UniqueFd end = std::move(ends_.front());
    ends_.erase(ends_.begin());
    return end;
  }
  std::atomic<bool> refuse = false;

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<UniqueFd> ends_;
};

ChannelMessage read(const UniqueFd& end) {
  ChannelMessage message;
  EXPECT_EQ(platform::receive_exactly(end.get(), std::as_writable_bytes(std::span(&message, 1))),
            platform::Received::all);
  return message;
}

class RemoteInputTest : public ::testing::Test {
 protected:
  void SetUp() override { platform::ignore_broken_pipes(); }

  Doorman doorman_;
};

TEST_F(RemoteInputTest, CallsBecomeMessages) {
  auto input = RemoteInput::create(doorman_.open());
  ASSERT_TRUE(input);
  auto sink = (*input)->join(nullptr);
  sink->key(kA, true);
  sink->button(static_cast<KeyCode>(0x110), false);
  sink->move_to(3, 65535, 7);
  sink->move_by(-5, 6);
  sink->scroll(-120, 60);
  sink->touch(9, 1, 2, 3);
  sink->touch_end(9);
  sink->flush();
  const UniqueFd end = doorman_.next();
  const ChannelMessage expected[] = {{.kind = ChannelKind::key, .what = 30, .a = 1},
                                     {.kind = ChannelKind::button, .what = 0x110, .a = 0},
                                     {.kind = ChannelKind::move_to, .what = 3, .a = 65535, .b = 7},
                                     {.kind = ChannelKind::move_by, .a = -5, .b = 6},
                                     {.kind = ChannelKind::scroll, .a = -120, .b = 60},
                                     {.kind = ChannelKind::touch, .finger = 9, .what = 1, .a = 2, .b = 3},
                                     {.kind = ChannelKind::touch_end, .finger = 9},
                                     {.kind = ChannelKind::flush}};
  for (const ChannelMessage& message : expected) EXPECT_EQ(read(end), message);
}

TEST_F(RemoteInputTest, LightsComeBack) {
  auto input = RemoteInput::create(doorman_.open());
  std::mutex mutex;
  std::condition_variable changed;
  std::optional<Leds> leds;
  auto sink = (*input)->join([&](Leds now) {
    const std::lock_guard lock(mutex);
    leds = now;
    changed.notify_all();
  });
  const UniqueFd end = doorman_.next();
  const ChannelLeds message{.lit = kLedCapsLock | kLedScrollLock};
  ASSERT_TRUE(platform::send_all(end.get(), std::as_bytes(std::span(&message, 1))));
  {
    std::unique_lock lock(mutex);
    changed.wait(lock, [&] { return leds.has_value(); });
    EXPECT_EQ(*leds, (Leds{.caps_lock = true, .scroll_lock = true}));
  }
  sink.reset();  // nothing is told from here on
}

TEST_F(RemoteInputTest, TheChannelClosesWithItsSink) {
  auto input = RemoteInput::create(doorman_.open());
  auto one = (*input)->join(nullptr);
  const UniqueFd first = doorman_.next();
  auto other = (*input)->join(nullptr);
  const UniqueFd second = doorman_.next();
  one.reset();
  std::byte byte{};
  EXPECT_EQ(platform::receive_exactly(first.get(), std::span(&byte, 1)), platform::Received::end);
  other->key(kA, true);
  other->flush();
  EXPECT_EQ(read(second).kind, ChannelKind::key);
}

TEST_F(RemoteInputTest, ALostChannelIsOpenedAgain) {
  auto input = RemoteInput::create(doorman_.open());
  auto sink = (*input)->join(nullptr);
  doorman_.next();  // and closed
  const UniqueFd end = doorman_.next();
  sink->key(kA, true);
  sink->flush();
  EXPECT_EQ(read(end).kind, ChannelKind::key);
}

TEST_F(RemoteInputTest, WhoDoesNotReadLosesTheChannelAndNothingWaits) {
  auto input = RemoteInput::create(doorman_.open());
  auto sink = (*input)->join(nullptr);
  const UniqueFd stuck = doorman_.next();
  // More than any socket's buffer and the queue hold; never waits.
  for (int i = 0; i < 1'000'000; ++i) {
    sink->move_by(1, 1);
    sink->flush();
  }
  const UniqueFd next = doorman_.next();
  pollfd state{.fd = stuck.get(), .events = 0, .revents = 0};
  EXPECT_EQ(::poll(&state, 1, -1), 1);
  EXPECT_NE(state.revents & POLLHUP, 0);
}

TEST_F(RemoteInputTest, NobodyThereIsNoReasonToWait) {
  doorman_.refuse = true;
  auto input = RemoteInput::create(doorman_.open());
  auto sink = (*input)->join(nullptr);
  for (int i = 0; i < 100'000; ++i) {
    sink->key(kA, i % 2 == 0);
    sink->flush();
  }
}

}  // namespace
}  // namespace hesper::input
