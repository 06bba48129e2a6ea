// AgentReader and append_message: chunks, sizes, and what is no agent.
#include "clipboard/agent_protocol.h"

#include <gtest/gtest.h>

#include "clipboard/agent.h"

namespace hesper::clipboard {
namespace {

using namespace test;

TEST(AgentProtocol, WhatIsWrittenIsRead) {
  for (const std::size_t size : {0U, 1U, 2027U, 2028U, 2029U, 10'000U}) {
    Bytes data;
    for (std::size_t i = 0; i < size; ++i) data.push_back(static_cast<std::byte>(i));
    Bytes bytes;
    append_message(bytes, AgentType::clipboard, data);
    // No chunk is longer than agents take.
    for (std::size_t at = 0; at < bytes.size();) {
      const auto chunk = std::to_integer<std::size_t>(bytes[at + 4]) | std::to_integer<std::size_t>(bytes[at + 5])
                                                                           << 8U;
      EXPECT_LE(chunk, kLargestChunk);
      at += 8 + chunk;
    }
    const auto messages = read(bytes);
    ASSERT_EQ(messages.size(), 1U) << size;
    EXPECT_EQ(messages[0].type, AgentType::clipboard);
    EXPECT_EQ(messages[0].data, data);
  }
}

TEST(AgentProtocol, BytesMayComeOneByOne) {
  Bytes bytes = capabilities(true);
  for (const Bytes& more :
       {message(AgentType{1}, words({1, 2, 3})), message(AgentType::clipboard, {}, 2), data("text")})
    bytes.insert(bytes.end(), more.begin(), more.end());
  AgentReader reader(100);
  std::vector<AgentType> types;
  for (const std::byte& byte : bytes) {
    std::span<const std::byte> one(&byte, 1);
    const auto message = reader.next(one);
    ASSERT_TRUE(message);
    if (*message) types.push_back((*message)->type);
  }
  // What is for nobody here is skipped: a mouse's state, and what is for a SPICE server.
  EXPECT_EQ(types, (std::vector{AgentType::announce_capabilities, AgentType::clipboard}));
}

TEST(AgentProtocol, ALargeMessageCostsNoMoreThanIsKept) {
  AgentReader reader(4);
  Bytes bytes = words({1, 0xffffffff, 1, 4, 0, 0, 0xffffffff - 20});
  std::span<const std::byte> rest(bytes);
  EXPECT_FALSE(reader.next(rest).value());
  const Bytes more(1 << 16);
  for (int i = 0; i < 100; ++i) {
    rest = more;
    EXPECT_FALSE(reader.next(rest).value());
  }
  AgentReader small(4);
  bytes = data("longer than four");
  rest = bytes;
  const auto message = small.next(rest).value();
  ASSERT_TRUE(message);
  EXPECT_EQ(message->size, 8 + 16U);
  EXPECT_EQ(message->data.size(), 4U);
}

TEST(AgentProtocol, NonsenseIsAnError) {
  struct Case {
    const char* name;
    Bytes bytes;
  };
  Bytes longer = message(AgentType::clipboard, {});
  longer[4] = std::byte{24};
  longer.resize(longer.size() + 4);
  for (const Case& each : {Case{"port 0", words({0, 20})},
                           {"port 3", words({3, 20})},
                           {"another protocol", message(AgentType::clipboard, {}, 1, 2)},
                           {"chunk too long", longer}}) {
    AgentReader reader(100);
    std::span<const std::byte> rest(each.bytes);
    EXPECT_FALSE(reader.next(rest)) << each.name;
  }
}

}  // namespace
}  // namespace hesper::clipboard
