// Outbox: what goes out at once, what waits, and what does not fit.
#include "link/outbox.h"

#include <gtest/gtest.h>

#include <numeric>
#include <vector>

#include "platform/shared_memory.h"
#include "platform/signals.h"
#include "platform/socket.h"

namespace hesper::link {
namespace {

constexpr std::uint64_t kMost = 1 << 20;

std::vector<std::byte> pattern(std::size_t size) {
  std::vector<std::byte> bytes(size);
  for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<std::byte>(i * 7 + i / 256);
  return bytes;
}

class OutboxTest : public testing::Test {
 protected:
  // Takes `size` bytes off the other end, while the loop runs.
  std::vector<std::byte> take(std::size_t size, std::vector<UniqueFd>* fds = nullptr) {
    std::vector<std::byte> result;
    for (int round = 0; result.size() < size && round < 10'000; ++round) {
      loop_->run_once(std::chrono::milliseconds(0));
      std::array<std::byte, 65536> buffer;
      auto part = platform::receive_part(ends_.second.get(), buffer, 8);
      result.insert(result.end(), buffer.begin(), buffer.begin() + static_cast<std::ptrdiff_t>(part.size));
      if (fds != nullptr) std::ranges::move(part.fds, std::back_inserter(*fds));
    }
    return result;
  }

  const bool ignored_ = platform::ignore_broken_pipes();
  std::unique_ptr<platform::EventLoop> loop_ = *platform::EventLoop::create();
  std::pair<UniqueFd, UniqueFd> ends_ = *platform::create_socket_pair();
  Budget budget_{kMost};
  std::optional<Outbox> outbox_{std::in_place, *loop_, ends_.first.get(), kMost, budget_};
};

TEST_F(OutboxTest, SmallMessagesGoOutAtOnce) {
  const auto bytes = pattern(100);
  ASSERT_TRUE(outbox_->send(std::span(bytes).first(40), std::span(bytes).subspan(40)));
  EXPECT_EQ(outbox_->waiting(), 0u);
  EXPECT_EQ(take(100), bytes);
}

TEST_F(OutboxTest, WhatTheSocketDoesNotTakeFollowsInOrder) {
  const auto bytes = pattern(900'000);
  constexpr std::size_t kPart = 90'000;
  for (std::size_t at = 0; at < bytes.size(); at += kPart)
    ASSERT_TRUE(outbox_->send(std::span(bytes).subspan(at, 24), std::span(bytes).subspan(at + 24, kPart - 24)));
  EXPECT_GT(outbox_->waiting(), 0u);
  EXPECT_GT(budget_.used(), 0u);
  EXPECT_EQ(take(bytes.size()), bytes);
  EXPECT_EQ(outbox_->waiting(), 0u);
  EXPECT_EQ(budget_.used(), 0u);
}

TEST_F(OutboxTest, AnFdStaysWithItsMessage) {
  const auto bytes = pattern(300'000);
  const auto fd = std::make_shared<const UniqueFd>(*platform::create_shared_memory("test", 4096));
  ASSERT_TRUE(outbox_->send(bytes));
  ASSERT_TRUE(outbox_->send(bytes, {}, fd));
  std::vector<UniqueFd> fds;
  EXPECT_EQ(take(2 * bytes.size(), &fds).size(), 2 * bytes.size());
  EXPECT_EQ(fds.size(), 1u);
  EXPECT_EQ(fd.use_count(), 1);
}

TEST_F(OutboxTest, MoreThanMayWaitIsTheEnd) {
  const auto bytes = pattern(400'000);
  EXPECT_TRUE(outbox_->send(bytes));
  EXPECT_TRUE(outbox_->send(bytes));
  EXPECT_TRUE(outbox_->send(bytes));
  EXPECT_FALSE(outbox_->send(bytes) && outbox_->send(bytes));
  EXPECT_FALSE(outbox_->send(std::span(bytes).first(1))) << "What follows a message that is missing must not go out.";
  outbox_.reset();
  EXPECT_EQ(budget_.used(), 0u);
}

TEST_F(OutboxTest, AllTogetherHaveABudget) {
  const Budget::Charge others(budget_, kMost - 1000);
  const auto bytes = pattern(900'000);
  EXPECT_FALSE(outbox_->send(bytes));
}

TEST_F(OutboxTest, AReaderThatIsGoneIsTheEnd) {
  ends_.second = UniqueFd();
  EXPECT_FALSE(outbox_->send(pattern(10)));
}

}  // namespace
}  // namespace hesper::link
