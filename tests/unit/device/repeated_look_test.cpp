// RepeatedLook: how often it looks, and that it ends.
#include "device/repeated_look.h"

#include <gtest/gtest.h>

namespace hesper::device {
namespace {

using std::chrono::milliseconds;

class RepeatedLookTest : public ::testing::Test {
 protected:
  void run() {
    while (looks_.goes_on()) loop_->run_once();
  }

  std::unique_ptr<platform::EventLoop> loop_ = *platform::EventLoop::create();
  int count_ = 0;
  std::function<void()> on_look_;
  RepeatedLook looks_{*loop_,
                      [this] {
                        ++count_;
                        if (on_look_) on_look_();
                      },
                      {.first = milliseconds(1), .longest = milliseconds(2), .times = 5}};
};

TEST_F(RepeatedLookTest, EndsByItself) {
  EXPECT_FALSE(looks_.goes_on());
  looks_.begin();
  run();
  EXPECT_EQ(count_, 5);
}

TEST_F(RepeatedLookTest, WaitsLongerEachTime) {
  const auto start = std::chrono::steady_clock::now();
  looks_.begin();
  run();
  EXPECT_GE(std::chrono::steady_clock::now() - start, milliseconds(1 + 2 + 2 + 2 + 2));
}

TEST_F(RepeatedLookTest, ALookMayEndIt) {
  on_look_ = [this] { looks_.end(); };
  looks_.begin();
  run();
  EXPECT_EQ(count_, 1);
}

TEST_F(RepeatedLookTest, ALookMayBeginItAnew) {
  on_look_ = [this] {
    if (count_ == 4) looks_.begin();
  };
  looks_.begin();
  run();
  EXPECT_EQ(count_, 4 + 5);
}

TEST_F(RepeatedLookTest, BeginningAgainPutsNoLookOff) {
  looks_.begin();
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  while (count_ == 0 && std::chrono::steady_clock::now() < end) {
    loop_->run_once(milliseconds(0));
    looks_.begin();
  }
  EXPECT_GE(count_, 1);
}

}  // namespace
}  // namespace hesper::device
