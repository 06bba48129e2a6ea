// Ranges of the door's: attached and detached, as rings, replies and streams and as device memory, and when they are
// released. The driver is a fake where it is about what the driver is told, and the host's own where bytes move.
#include <gtest/gtest.h>

#include <atomic>
#include <memory>

#include "guest_ring.h"
#include "render/client_context.h"
#include "test_client.h"

namespace hesper::render::test {
namespace {

constexpr ResourceId kFirst{7};

std::unique_ptr<Context> on_host(ContextOptions options = {}) {
  options.memory_in_ranges = true;
  auto context = Context::create(std::move(options));
  if (!context) throw std::runtime_error(context.error().message);
  return std::move(*context);
}

// ---- Attaching and detaching ----

class RangeTest : public testing::Test {
 protected:
  // Detaches; the result counts how often it was released.
  std::shared_ptr<std::atomic<int>> detach(ResourceId resource) {
    auto released = std::make_shared<std::atomic<int>>(0);
    client.context->detach_resource(resource, [released] { ++*released; });
    return released;
  }

  TestWindow window;
  TestClient client{on_host(), window, 0};
};

TEST_F(RangeTest, OutsideOfTheFileIsRefused) {
  const std::uint64_t end = window.size();
  EXPECT_FALSE(client.context->attach_resource(kFirst, window.range(end, 1)));
  EXPECT_FALSE(client.context->attach_resource(kFirst, window.range(end - 4096, 4097)));
  EXPECT_FALSE(client.context->attach_resource(kFirst, window.range(0, 0)));
  EXPECT_FALSE(client.context->attach_resource(kFirst, window.range(4096, UINT64_MAX - 4095)));
  EXPECT_FALSE(client.context->attach_resource(kFirst, window.range(UINT64_MAX - 4095, 8192)));
  EXPECT_FALSE(client.context->attach_resource(kFirst, window.range(2048, 4096))) << "misaligned";
  EXPECT_FALSE(client.context->attach_resource(kFirst, SharedRange{.file = nullptr, .offset = 0, .size = 4096}));
  EXPECT_TRUE(client.context->attach_resource(kFirst, window.range(end - 4096, 4096)));
}

TEST_F(RangeTest, AnIdIsUsedOnce) {
  EXPECT_FALSE(client.context->attach_resource(ResourceId{}, window.range(0, 4096)));
  EXPECT_TRUE(client.context->attach_resource(kFirst, window.range(1 << 20, 4096)));
  EXPECT_FALSE(client.context->attach_resource(kFirst, window.range(2 << 20, 4096)));
  EXPECT_EQ(*detach(kFirst), 1);
  EXPECT_TRUE(client.context->attach_resource(kFirst, window.range(2 << 20, 4096)));
}

TEST_F(RangeTest, WhatNobodyUsesIsReleasedAtOnce) {
  ASSERT_TRUE(client.context->attach_resource(kFirst, window.range(1 << 20, 4096)));
  const auto first = detach(kFirst);
  EXPECT_EQ(*first, 1);
  EXPECT_EQ(*detach(kFirst), 1) << "It is unknown now.";
  EXPECT_EQ(*first, 1);
}

TEST_F(RangeTest, ContextsOfADoorWithAWindowMakeNoBlobs) {
  EXPECT_FALSE(client.context->create_blob({.resource = kFirst, .blob_flags = 1, .blob_id = 0, .size = 4096}));
}

// ---- Rings, replies and streams ----

TEST_F(RangeTest, AReplyTargetThatIsDetachedIsReleasedAndNoTargetAnyMore) {
  ASSERT_TRUE(client.start());
  EXPECT_EQ(*detach(TestClient::kReplies), 1) << "A stream that does nothing keeps no range.";
  wire::vkEnumerateInstanceVersion_args version;
  std::uint32_t number = 0;
  version.pApiVersion = &number;
  EXPECT_FALSE(client.context->submit(TestClient::encode(version, 1))) << "There is no reply stream.";
}

TEST_F(RangeTest, ARingLiesInARangeUntilItIsDestroyed) {
  constexpr std::uint64_t kOffset = (1 << 20) + 4096;
  constexpr std::uint32_t kBuffer = 4096;
  ASSERT_TRUE(client.context->attach_resource(kFirst, window.range(kOffset, 8192)));
  const wire::VkRingCreateInfoMESA info{.sType = wire::VK_STRUCTURE_TYPE_RING_CREATE_INFO_MESA,
                                        .resourceId = std::to_underlying(kFirst),
                                        .offset = 0,
                                        .size = 192 + kBuffer,
                                        .headOffset = 0,
                                        .tailOffset = 64,
                                        .statusOffset = 128,
                                        .bufferOffset = 192,
                                        .bufferSize = kBuffer,
                                        .extraOffset = 192 + kBuffer};
  wire::vkCreateRingMESA_args create;
  create.ring = 42;
  create.pCreateInfo = &info;
  ASSERT_TRUE(client.send(create));
  const auto released = detach(kFirst);
  EXPECT_EQ(*released, 0) << "The ring reads and writes there.";

  // A command through the ring, whose bytes are written as the guest would.
  wire::vkSeekReplyCommandStreamMESA_args seek;  // fails: the ring has no reply stream
  seek.position = 4;
  const auto command = TestClient::encode(seek);
  const auto memory = window.bytes(kOffset, 8192);
  std::memcpy(memory.data() + 192, command.data(), command.size());
  const auto word = [&](std::size_t at) {
    return std::atomic_ref(*reinterpret_cast<std::uint32_t*>(memory.data() + at));
  };
  word(64).store(static_cast<std::uint32_t>(command.size()));
  wire::vkNotifyRingMESA_args notify;
  notify.ring = 42;
  for (int i = 0; i < 5000 && (word(128).load() & kRingFatal) == 0; ++i) {
    static_cast<void>(client.send(notify));
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  EXPECT_EQ(word(128).load() & kRingFatal, kRingFatal) << "The ring's thread read the window.";
  client.context.reset();
  EXPECT_EQ(*released, 1);
}

TEST_F(RangeTest, ADestroyedRingReleasesItsRange) {
  ASSERT_TRUE(client.context->attach_resource(kFirst, window.range(1 << 20, 8192)));
  const wire::VkRingCreateInfoMESA info{.sType = wire::VK_STRUCTURE_TYPE_RING_CREATE_INFO_MESA,
                                        .resourceId = std::to_underlying(kFirst),
                                        .size = 192 + 4096,
                                        .tailOffset = 64,
                                        .statusOffset = 128,
                                        .bufferOffset = 192,
                                        .bufferSize = 4096,
                                        .extraOffset = 192 + 4096};
  wire::vkCreateRingMESA_args create;
  create.ring = 42;
  create.pCreateInfo = &info;
  ASSERT_TRUE(client.send(create));
  const auto released = detach(kFirst);
  EXPECT_EQ(*released, 0);
  wire::vkDestroyRingMESA_args destroy;
  destroy.ring = 42;
  ASSERT_TRUE(client.send(destroy));
  EXPECT_EQ(*released, 1);
}

TEST(RangeRing, LastWillNamesThePlaceInTheFile) {
  TestWindow window;
  std::uint64_t told = 0;
  TestClient client(
      on_host({.ring_appears = [&](std::uint32_t, int, std::uint64_t offset, std::uint32_t) { told = offset; }}),
      window, 0);
  ASSERT_TRUE(client.context->attach_resource(kFirst, window.range(0x203000, 8192)));
  const wire::VkRingCreateInfoMESA info{.sType = wire::VK_STRUCTURE_TYPE_RING_CREATE_INFO_MESA,
                                        .resourceId = std::to_underlying(kFirst),
                                        .offset = 64,
                                        .size = 192 + 4096,
                                        .tailOffset = 64,
                                        .statusOffset = 128,
                                        .bufferOffset = 192,
                                        .bufferSize = 4096,
                                        .extraOffset = 192 + 4096};
  wire::vkCreateRingMESA_args create;
  create.ring = 1;
  create.pCreateInfo = &info;
  ASSERT_TRUE(client.send(create));
  EXPECT_EQ(told, 0x203000u + 64 + 128);
}

}  // namespace
}  // namespace hesper::render::test
