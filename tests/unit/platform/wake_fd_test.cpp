// Wake fds: what the waiter sees before, after and instead of a wake-up.
#include "platform/wake_fd.h"

#include <gtest/gtest.h>
#include <poll.h>

#include "platform/signals.h"

namespace hesper::platform {
namespace {

short poll_now(int fd) {
  pollfd state{.fd = fd, .events = POLLIN, .revents = 0};
  ::poll(&state, 1, 0);
  return state.revents;
}

TEST(WakeFd, IsReadableOnlyAfterTheWakeUp) {
  auto pair = create_wake_pair();
  ASSERT_TRUE(pair);
  EXPECT_EQ(poll_now(pair->waiter.get()), 0);
  wake(pair->waker.get());
  EXPECT_EQ(poll_now(pair->waiter.get()), POLLIN);
}

TEST(WakeFd, StaysReadableWhenTheWakerIsClosedAfterwards) {
  auto pair = create_wake_pair();
  ASSERT_TRUE(pair);
  wake(pair->waker.get());
  pair->waker = UniqueFd();
  EXPECT_NE(poll_now(pair->waiter.get()) & POLLIN, 0);
}

TEST(WakeFd, HangsUpWithoutDataWhenTheWakerDies) {
  auto pair = create_wake_pair();
  ASSERT_TRUE(pair);
  pair->waker = UniqueFd();
  EXPECT_EQ(poll_now(pair->waiter.get()), POLLHUP);
}

TEST(WakeFd, ManyWakeUpsNeitherBlockNorFail) {
  auto pair = create_wake_pair();
  ASSERT_TRUE(pair);
  for (int i = 0; i < 100'000; ++i) wake(pair->waker.get());
  EXPECT_EQ(poll_now(pair->waiter.get()), POLLIN);
}

TEST(WakeFd, AWaiterThatLeftIsNoticedAndHarmless) {
  ignore_broken_pipes();
  auto pair = create_wake_pair();
  ASSERT_TRUE(pair);
  EXPECT_FALSE(abandoned(pair->waker.get()));
  pair->waiter = UniqueFd();
  EXPECT_TRUE(abandoned(pair->waker.get()));
  wake(pair->waker.get());
}

}  // namespace
}  // namespace hesper::platform
