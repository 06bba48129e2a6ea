// OrderReader: orders in one piece, in many, with files; and what is no order.
#include "link/order_reader.h"

#include <gtest/gtest.h>

#include <cstring>
#include <thread>
#include <vector>

#include "platform/shared_memory.h"
#include "platform/signals.h"
#include "platform/socket.h"

namespace hesper::link {
namespace {

std::vector<std::byte> message(Order order, std::size_t following = 0) {
  std::vector<std::byte> bytes(sizeof(order) + padded(following));
  if (following != 0) order.size = following;
  std::memcpy(bytes.data(), &order, sizeof(order));
  for (std::size_t i = 0; i < following; ++i) bytes[sizeof(order) + i] = static_cast<std::byte>(i);
  return bytes;
}

class OrderReaderTest : public testing::Test {
 protected:
  OrderReaderTest() {
    auto ends = *platform::create_socket_pair();
    writer_ = std::move(ends.first);
    reader_.emplace(std::move(ends.second));
  }

  void write(std::span<const std::byte> bytes) { ASSERT_TRUE(platform::wait_and_send(writer_.get(), bytes)); }

  const bool ignored_ = platform::ignore_broken_pipes();
  UniqueFd writer_;
  std::optional<OrderReader> reader_;
};

TEST_F(OrderReaderTest, SeveralOrdersInOnePiece) {
  auto bytes = message({.kind = OrderKind::submit}, 13);
  const auto fence = message({.kind = OrderKind::fence, .number = 3, .cookie = 77});
  bytes.insert(bytes.end(), fence.begin(), fence.end());
  write(bytes);
  auto first = reader_->next();
  ASSERT_TRUE(first);
  EXPECT_EQ(first->order.kind, OrderKind::submit);
  ASSERT_EQ(first->bytes.size(), 13u);
  EXPECT_EQ(first->bytes[12], std::byte{12});
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(first->bytes.data()) % kPadding, 0u);
  const auto second = reader_->next();
  ASSERT_TRUE(second);
  EXPECT_EQ(second->order.number, 3u);
  EXPECT_EQ(second->order.cookie, 77u);
}

TEST_F(OrderReaderTest, OrdersOfAnySizeByteByByteAndAtOnce) {
  std::thread writer([this] {
    for (std::size_t size : {1UZ, 8UZ, 300'000UZ, 5UZ, 3'000'000UZ, 200'000UZ, 200'000UZ, 64UZ}) {
      const auto bytes = message({.kind = OrderKind::submit, .cookie = size}, size);
      if (size < 10) {
        for (const std::byte byte : bytes) write({&byte, 1});
      } else {
        write(bytes);
      }
    }
  });
  for (std::size_t size : {1UZ, 8UZ, 300'000UZ, 5UZ, 3'000'000UZ, 200'000UZ, 200'000UZ, 64UZ}) {
    const auto received = reader_->next();
    ASSERT_TRUE(received);
    EXPECT_EQ(received->order.cookie, size);
    ASSERT_EQ(received->bytes.size(), size);
    for (std::size_t i = 0; i < size; ++i) ASSERT_EQ(received->bytes[i], static_cast<std::byte>(i));
  }
  writer.join();
}

TEST_F(OrderReaderTest, FilesGoToTheirOrders) {
  const UniqueFd file = *platform::create_shared_memory("test", 12'288);
  write(message({.kind = OrderKind::fence}));
  const auto attach = message({.kind = OrderKind::attach, .own_file = 1});
  ASSERT_TRUE(platform::send_message(writer_.get(), attach, file.get()));
  write(message({.kind = OrderKind::attach}));
  EXPECT_FALSE(reader_->next()->fd);
  EXPECT_TRUE(reader_->next()->fd);
  EXPECT_FALSE(reader_->next()->fd);
}

TEST_F(OrderReaderTest, TheEndBetweenOrdersIsNoError) {
  write(message({.kind = OrderKind::fence}));
  writer_ = UniqueFd();
  EXPECT_TRUE(reader_->next());
  EXPECT_EQ(reader_->next().error(), "");
}

TEST_F(OrderReaderTest, TheEndWithinAnOrderIsOne) {
  const auto bytes = message({.kind = OrderKind::submit}, 100);
  write(std::span(bytes).first(60));
  writer_ = UniqueFd();
  EXPECT_NE(reader_->next().error(), "");
}

TEST_F(OrderReaderTest, AnOrderWithoutItsFileIsRefused) {
  write(message({.kind = OrderKind::attach, .own_file = 1}));
  EXPECT_NE(reader_->next().error(), "");
}

TEST_F(OrderReaderTest, SizesThatMakeNoSenseAreRefused) {
  write(message({.kind = OrderKind::submit, .size = kMostSubmissionBytes + 1}));
  EXPECT_NE(reader_->next().error(), "");
}

}  // namespace
}  // namespace hesper::link
