// SyncTable: counters, waits for any and all, bounds, and fences from other threads.
#include "vtest/sync_table.h"

#include <gtest/gtest.h>
#include <poll.h>

#include <thread>

#include "platform/process.h"
#include "platform/signals.h"

namespace hesper::vtest {
namespace {

using std::chrono_literals::operator""ms;

class SyncTableTest : public testing::Test {
 protected:
  SyncTableTest() {
    platform::ignore_broken_pipes();
    platform::raise_fd_limit();
    table_ = std::move(*SyncTable::create());
  }

  SyncPoint new_point(std::uint64_t wanted) { return {.sync = table_->find(*table_->add(0)), .value = wanted}; }
  UniqueFd wait(std::vector<SyncPoint> points, WaitFor mode) {
    auto fd = table_->wait(std::move(points), mode, std::nullopt);
    return fd ? std::move(*fd) : UniqueFd();
  }
  void reach(const SyncPoint& point) { table_->write({&point, 1}); }

  // POLLIN: reached (a POLLHUP beside it means nothing to Venus). POLLHUP: device lost. 0: neither in this time.
  static short poll_for(const UniqueFd& fd, int milliseconds) {
    pollfd state{.fd = fd.get(), .events = POLLIN, .revents = 0};
    ::poll(&state, 1, milliseconds);
    return (state.revents & POLLIN) != 0 ? POLLIN : state.revents;
  }

  std::unique_ptr<SyncTable> table_;
};

TEST_F(SyncTableTest, IdsAreNeverZeroAndKeepTheirValue) {
  const auto id = table_->add(0x1'0000'0001);
  ASSERT_TRUE(id);
  EXPECT_NE(*id, 0u);
  EXPECT_EQ(table_->read(*table_->find(*id)), 0x1'0000'0001u);
  EXPECT_EQ(table_->find(*id + 1), nullptr);
}

TEST_F(SyncTableTest, ValuesGoUpAndDown) {
  SyncPoint point = new_point(5);
  reach(point);
  EXPECT_EQ(table_->read(*point.sync), 5u);
  point.value = 2;
  reach(point);
  EXPECT_EQ(table_->read(*point.sync), 2u);
}

TEST_F(SyncTableTest, ARemovedIdIsUnknown) {
  const auto id = table_->add(0);
  ASSERT_TRUE(id);
  EXPECT_TRUE(table_->remove(*id));
  EXPECT_FALSE(table_->remove(*id));
  EXPECT_EQ(table_->find(*id), nullptr);
}

TEST_F(SyncTableTest, WhatIsReachedIsReadableAtOnce) {
  const SyncPoint point = new_point(0);
  EXPECT_EQ(poll_for(wait({point}, WaitFor::all), 0), POLLIN);
  EXPECT_EQ(poll_for(wait({}, WaitFor::any), 0), POLLIN);
}

TEST_F(SyncTableTest, AllWaitsForTheLast) {
  const SyncPoint one = new_point(1);
  const SyncPoint other = new_point(1);
  const UniqueFd fd = wait({one, other}, WaitFor::all);
  reach(one);
  EXPECT_EQ(poll_for(fd, 0), 0);
  reach(other);
  EXPECT_EQ(poll_for(fd, 0), POLLIN);
}

TEST_F(SyncTableTest, AnyWaitsForTheFirst) {
  const SyncPoint one = new_point(1);
  const SyncPoint other = new_point(1);
  const UniqueFd fd = wait({one, other}, WaitFor::any);
  EXPECT_EQ(poll_for(fd, 0), 0);
  reach(other);
  EXPECT_EQ(poll_for(fd, 0), POLLIN);
}

TEST_F(SyncTableTest, AHigherValueReachesALowerPoint) {
  SyncPoint point = new_point(3);
  const UniqueFd fd = wait({point}, WaitFor::all);
  point.value = 2;
  reach(point);
  EXPECT_EQ(poll_for(fd, 0), 0);
  point.value = 9;
  reach(point);
  EXPECT_EQ(poll_for(fd, 0), POLLIN);
}

TEST_F(SyncTableTest, AWaitOutlivesTheIdOfItsSync) {
  const auto id = table_->add(0);
  ASSERT_TRUE(id);
  const SyncPoint point{.sync = table_->find(*id), .value = 1};
  const UniqueFd fd = wait({point}, WaitFor::all);
  EXPECT_TRUE(table_->remove(*id));
  reach(point);
  EXPECT_EQ(poll_for(fd, 0), POLLIN);
}

TEST_F(SyncTableTest, TimeoutZeroNeitherWakesNorHangsUp) {
  const auto fd = table_->wait({new_point(1)}, WaitFor::all, 0ms);
  ASSERT_TRUE(fd);
  EXPECT_EQ(poll_for(*fd, 0), 0);
}

TEST_F(SyncTableTest, AFinishedTimeoutDoesNotHangUpRightAway) {
  const auto fd = table_->wait({new_point(1)}, WaitFor::all, 1ms);
  ASSERT_TRUE(fd);
  EXPECT_EQ(poll_for(*fd, 20), 0);
  (void)table_->wait({new_point(1)}, WaitFor::all, 1ms);
  EXPECT_EQ(poll_for(*fd, 0), 0);
}

TEST_F(SyncTableTest, WaitsAreBoundedButThoseThatWereGivenUpDoNotCount) {
  const SyncPoint point = new_point(1);
  for (std::size_t i = 0; i < 3 * SyncTable::kMaxWaits; ++i)
    ASSERT_TRUE(table_->wait({point}, WaitFor::all, std::nullopt)) << i;  // closed at once
  std::vector<UniqueFd> held;
  for (std::size_t i = 0; i < SyncTable::kMaxWaits; ++i) {
    held.push_back(wait({point}, WaitFor::all));
    ASSERT_TRUE(held.back()) << "Only " << i << " waits are possible. Is the hard limit of open files lower?";
  }
  EXPECT_FALSE(table_->wait({point}, WaitFor::all, std::nullopt));
  reach(point);
  EXPECT_EQ(poll_for(held.back(), 0), POLLIN);
}

TEST_F(SyncTableTest, SyncsAreBounded) {
  for (std::size_t i = 0; i < SyncTable::kMaxSyncs; ++i) ASSERT_TRUE(table_->add(i));
  EXPECT_FALSE(table_->add(0));
}

TEST_F(SyncTableTest, TheEndOfTheTableHangsUp) {
  const UniqueFd fd = wait({new_point(1)}, WaitFor::all);
  table_.reset();
  EXPECT_EQ(poll_for(fd, 0), POLLHUP);
}

TEST_F(SyncTableTest, FencesMayComeFromOtherThreads) {
  constexpr int kRounds = 200;
  const SyncPoint point = new_point(0);
  std::thread fences([&] {
    for (std::uint64_t value = 1; value <= kRounds; ++value) reach({.sync = point.sync, .value = value});
  });
  for (std::uint64_t value = 1; value <= kRounds; ++value) {
    const UniqueFd fd = wait({{.sync = point.sync, .value = value}}, WaitFor::all);
    ASSERT_EQ(poll_for(fd, 10'000), POLLIN) << value;
  }
  fences.join();
}

}  // namespace
}  // namespace hesper::vtest
