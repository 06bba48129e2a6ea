// Memory that a client allocates first, and which moves into a range when it is mapped: what is in it afterwards, what
// the GPU does then, and what is refused.
#include <fcntl.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <string>
#include <thread>

#include "fake_driver.h"
#include "window_client.h"

namespace hesper::render::test {
namespace {

constexpr ResourceId kBlob{7};
constexpr ResourceId kOther{8};
constexpr std::uint64_t kSize = 4 * kRangeStep;
constexpr std::uint64_t kPlace = 256 * kRangeStep;

std::unique_ptr<Context> on_host() {
  auto context = Context::create({.memory_in_ranges = true});
  if (!context) throw std::runtime_error(context.error().message);
  return std::move(*context);
}

// On the host's own driver.
class MovedMemory : public testing::Test {
 protected:
  MovedMemory() {
    client.attach(kBlob, window.range(kPlace, kSize));
    memory = client.allocate(kSize, client.type_for(kBlob), nullptr);
    buffer = client.create_buffer(kSize);
  }
  [[nodiscard]] bool shows(std::uint64_t place, std::uint64_t size, std::uint32_t value) const {
    const auto bytes = window.bytes(place, size);
    for (std::size_t at = 0; at < size; at += sizeof(value)) {
      std::uint32_t word = 0;
      std::memcpy(&word, &bytes[at], sizeof(word));
      if (word != value) return false;
    }
    return true;
  }
  void clear(std::uint64_t place, std::uint64_t size) { std::ranges::fill(window.bytes(place, size), std::byte{0}); }
  [[nodiscard]] bool released(const std::atomic<int>& count) const {
    for (int i = 0; i < 5000 && count == 0; ++i) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    return count == 1;
  }

  TestWindow window;
  WindowClient client{on_host(), window};
  wire::ObjectId memory = 0;
  wire::ObjectId buffer = 0;
};

TEST_F(MovedMemory, WhatTheGpuWritesAfterwardsIsInTheRange) {
  ASSERT_EQ(client.bind_buffer(buffer, memory, 0), VK_SUCCESS);
  const auto moved = client.context->move_memory(memory, kBlob);
  ASSERT_TRUE(moved) << moved.error().message;
  EXPECT_TRUE(shows(kPlace, kSize, 0));
  client.submit_fill(buffer);
  EXPECT_TRUE(shows(kPlace, kSize, kPattern));
  EXPECT_TRUE(shows(kPlace - kRangeStep, kRangeStep, 0));
  EXPECT_TRUE(shows(kPlace + kSize, kRangeStep, 0));
}

TEST_F(MovedMemory, WhatTheGpuHasWrittenMovesToo) {
  ASSERT_EQ(client.bind_buffer(buffer, memory, 0), VK_SUCCESS);
  client.submit_fill(buffer);
  EXPECT_TRUE(shows(kPlace, kSize, 0)) << "It lies elsewhere so far.";
  ASSERT_TRUE(client.context->move_memory(memory, kBlob));
  EXPECT_TRUE(shows(kPlace, kSize, kPattern));
  clear(kPlace, kSize);
  client.submit_fill(buffer);
  EXPECT_TRUE(shows(kPlace, kSize, kPattern));
}

TEST_F(MovedMemory, WorkThatRunsIsWaitedFor) {
  ASSERT_EQ(client.bind_buffer(buffer, memory, 0), VK_SUCCESS);
  client.submit_fill(buffer, false);
  ASSERT_TRUE(client.context->move_memory(memory, kBlob));
  EXPECT_TRUE(shows(kPlace, kSize, kPattern));
}

TEST_F(MovedMemory, IsBoundAfterItHasMoved) {
  ASSERT_TRUE(client.context->move_memory(memory, kBlob));
  ASSERT_EQ(client.bind_buffer(buffer, memory, 0), VK_SUCCESS);
  client.submit_fill(buffer);
  EXPECT_TRUE(shows(kPlace, kSize, kPattern));
}

TEST_F(MovedMemory, TheRangeIsReleasedWhenItIsFreed) {
  ASSERT_TRUE(client.context->move_memory(memory, kBlob));
  const auto count = client.detach(kBlob);
  EXPECT_EQ(*count, 0);
  client.free(memory);
  EXPECT_TRUE(released(*count));
}

TEST_F(MovedMemory, OthersImportTheRange) {
  ASSERT_TRUE(client.context->move_memory(memory, kBlob));
  WindowClient compositor(on_host(), window, kReplyBytes);
  compositor.attach(kOther, window.range(kPlace, kSize));
  const auto theirs = compositor.import(kOther, kSize, compositor.type_for(kOther));
  const auto target = compositor.create_buffer(kSize);
  ASSERT_EQ(compositor.bind_buffer(target, theirs, 0), VK_SUCCESS);
  compositor.submit_fill(target);
  EXPECT_TRUE(shows(kPlace, kSize, kPattern));
}

TEST_F(MovedMemory, MovesOnce) {
  client.attach(kOther, window.range(2 * kPlace, kSize));
  ASSERT_TRUE(client.context->move_memory(memory, kBlob));
  EXPECT_FALSE(client.context->move_memory(memory, kOther));
  EXPECT_FALSE(client.context->fatal());
}

TEST_F(MovedMemory, ImportedMemoryDoesNotMove) {
  client.attach(kOther, window.range(2 * kPlace, kSize));
  const auto imported = client.import(kOther, kSize, client.type_for(kOther));
  EXPECT_FALSE(client.context->move_memory(imported, kBlob));
}

TEST_F(MovedMemory, WhatDoesNotFitIsRefused) {
  client.attach(kOther, window.range(2 * kPlace, kSize - kRangeStep));
  EXPECT_FALSE(client.context->move_memory(memory, kOther));
  EXPECT_FALSE(client.context->move_memory(memory, ResourceId{99})) << "There is no such range.";
  EXPECT_FALSE(client.context->move_memory(4711, kBlob)) << "There is no such memory.";
  client.free(memory);
  EXPECT_FALSE(client.context->move_memory(memory, kBlob));
  EXPECT_FALSE(client.context->fatal());
}

TEST_F(MovedMemory, HalfWayTheContextIsLost) {
  // A file that can be read only, so that the system does not put its pages there.
  const std::string name = "/proc/self/fd/" + std::to_string(window.range(0, kSize).file->get());
  const auto file = std::make_shared<const UniqueFd>(::open(name.c_str(), O_RDONLY | O_CLOEXEC));
  ASSERT_TRUE(*file);
  ASSERT_TRUE(client.context->attach_resource(kOther, {.file = file, .offset = 2 * kPlace, .size = kSize}));
  const auto moved = client.context->move_memory(memory, kOther);
  ASSERT_FALSE(moved);
  EXPECT_NE(moved.error().message.find("half-way"), std::string::npos) << moved.error().message;
  EXPECT_TRUE(client.context->fatal());
}

TEST(MovedMemories, OfHostsWithLargerStepsStayWhereTheyAre) {
  TestWindow window;
  auto context = Context::create({.memory_in_ranges = true, .import_granularity = 16384});
  ASSERT_TRUE(context);
  WindowClient client(std::move(*context), window);
  client.attach(kBlob, window.range(kPlace, kSize));
  const auto memory = client.allocate(kSize, client.type_for(kBlob), nullptr);
  EXPECT_FALSE(client.context->move_memory(memory, kBlob));
}

TEST(MovedMemories, EndWithTheirDevice) {
  TestWindow window;
  WindowClient client(on_host(), window);
  client.attach(kBlob, window.range(kPlace, kSize));
  const auto memory = client.allocate(kSize, client.type_for(kBlob), nullptr);
  ASSERT_TRUE(client.context->move_memory(memory, kBlob));
  const auto count = client.detach(kBlob);
  client.context.reset();
  EXPECT_EQ(*count, 1);
}

}  // namespace
}  // namespace hesper::render::test
