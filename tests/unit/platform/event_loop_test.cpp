// EventLoop: who is called, and when; watches that go while they are called.
#include "platform/event_loop.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <thread>

#include "platform/pipe.h"

namespace hesper::platform {
namespace {

using std::chrono::milliseconds;

class EventLoopTest : public ::testing::Test {
 protected:
  static void write_byte(const Pipe& pipe) { EXPECT_EQ(::write(pipe.write_end.get(), "", 1), 1); }
  static void read_byte(const Pipe& pipe) {
    char byte = 0;
    EXPECT_EQ(::read(pipe.read_end.get(), &byte, 1), 1);
  }

  std::unique_ptr<EventLoop> loop_ = *EventLoop::create();
  Pipe one_ = *create_pipe();
  Pipe two_ = *create_pipe();
};

TEST_F(EventLoopTest, CallsForWhatIsReadableOnly) {
  int ones = 0;
  int twos = 0;
  const auto watch_one = loop_->when_readable(one_.read_end.get(), [&] { ++ones; });
  const auto watch_two = loop_->when_readable(two_.read_end.get(), [&] {
    ++twos;
    read_byte(two_);
  });
  write_byte(two_);
  loop_->run_once(milliseconds(0));
  loop_->run_once(milliseconds(0));
  EXPECT_EQ(ones, 0);
  EXPECT_EQ(twos, 1);
}

TEST_F(EventLoopTest, CallsForAPeerThatHangsUp) {
  int calls = 0;
  const auto watch = loop_->when_readable(one_.read_end.get(), [&] { ++calls; });
  one_.write_end = UniqueFd();
  loop_->run_once(milliseconds(0));
  EXPECT_EQ(calls, 1);
}

TEST_F(EventLoopTest, AWatchMayGoInItsOwnCallback) {
  int calls = 0;
  EventLoop::Watch watch;
  watch = loop_->when_readable(one_.read_end.get(), [&] {
    ++calls;
    watch = {};
  });
  write_byte(one_);
  loop_->run_once(milliseconds(0));
  loop_->run_once(milliseconds(0));
  EXPECT_EQ(calls, 1);
}

TEST_F(EventLoopTest, AWatchThatAnotherCallbackRemovesIsNotCalled) {
  int calls = 0;
  EventLoop::Watch second;
  const auto first = loop_->when_readable(one_.read_end.get(), [&] { second = {}; });
  second = loop_->when_readable(two_.read_end.get(), [&] { ++calls; });
  write_byte(one_);
  write_byte(two_);
  loop_->run_once(milliseconds(0));
  EXPECT_EQ(calls, 0);
}

TEST_F(EventLoopTest, AWatchMayOutliveTheLoop) {
  const auto watch = loop_->when_readable(one_.read_end.get(), [] {});
  loop_.reset();
}

TEST_F(EventLoopTest, PostedWorkRunsInOrderAndNotAtOnce) {
  std::vector<int> ran;
  loop_->post([&] {
    ran.push_back(1);
    loop_->post([&] { ran.push_back(3); });
  });
  loop_->post([&] { ran.push_back(2); });
  EXPECT_TRUE(ran.empty());
  loop_->run_once(milliseconds(0));
  EXPECT_EQ(ran, (std::vector<int>{1, 2}));
  loop_->run_once(milliseconds(0));
  EXPECT_EQ(ran, (std::vector<int>{1, 2, 3}));
}

TEST_F(EventLoopTest, AnyThreadMayPostAndStop) {
  constexpr int kPosts = 10'000;
  int ran = 0;  // by the loop's thread only
  const std::jthread other([&] {
    for (int i = 0; i < kPosts; ++i) loop_->post([&] { ++ran; });
    loop_->stop();
  });
  loop_->run();
  EXPECT_EQ(ran, kPosts);
}

TEST_F(EventLoopTest, CallsForWhatCanBeWrittenTo) {
  int calls = 0;
  const auto watch = loop_->when_writable(one_.write_end.get(), [&] { ++calls; });
  loop_->run_once(milliseconds(0));
  EXPECT_EQ(calls, 1);
}

TEST_F(EventLoopTest, AHangUpIsNotWhatCanBeRead) {
  int calls = 0;
  const auto watch = loop_->when_hung_up(one_.read_end.get(), [&] { ++calls; });
  write_byte(one_);
  loop_->run_once(milliseconds(0));
  EXPECT_EQ(calls, 0);
  one_.write_end = UniqueFd();
  loop_->run_once(milliseconds(0));
  EXPECT_EQ(calls, 1);
}

TEST_F(EventLoopTest, CallsOnceWhenATimeHasCome) {
  int calls = 0;
  const auto start = std::chrono::steady_clock::now();
  const auto watch = loop_->at(start + milliseconds(20), [&] { ++calls; });
  loop_->run_once(milliseconds(0));
  EXPECT_EQ(calls, 0);
  while (calls == 0) loop_->run_once();
  EXPECT_GE(std::chrono::steady_clock::now() - start, milliseconds(20));
  loop_->run_once(milliseconds(0));
  EXPECT_EQ(calls, 1);
}

TEST_F(EventLoopTest, TimesMayGoInCallbacksOfOthers) {
  int calls = 0;
  EventLoop::Watch second;
  const auto now = std::chrono::steady_clock::now();
  const auto first = loop_->at(now, [&] {
    ++calls;
    second = {};
  });
  second = loop_->at(now, [&] { ++calls; });
  loop_->run_once(milliseconds(1));
  loop_->run_once(milliseconds(1));
  EXPECT_EQ(calls, 1);
}

}  // namespace
}  // namespace hesper::platform
