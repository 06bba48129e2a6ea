// Device memory that imports ranges of the door's: where it is bound, what is refused, and when a range is released.
// The driver is a fake where it is about what the driver is told, and the host's own where bytes move.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <bit>
#include <format>
#include <functional>
#include <memory>
#include <optional>

#include <thread>

#include "fake_driver.h"
#include "render/client_context.h"
#include "window_client.h"

namespace hesper::render::test {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

constexpr ResourceId kFirst{7};
constexpr ResourceId kSecond{8};
constexpr std::uint64_t kStep = 16384;  // larger than a client's page
constexpr std::uint64_t kPlace = kReplyBytes + kStep + 3 * kRangeStep;
constexpr std::uint64_t kBias = 3 * kRangeStep;

// ---- What the driver is told ----

class Import : public testing::Test {
 protected:
  static ContextOptions options() {
    return {.memory_in_ranges = true, .window_size = 1 << 20, .import_granularity = kStep};
  }

  void attach_first(std::uint64_t offset = kPlace, std::uint64_t size = 8192) {
    client.attach(kFirst, window.range(offset, size));
  }

  // The arguments of the one call of this function since the last question.
  std::string told(std::string_view function) {
    std::string found;
    for (const fake::Call& call : driver.take_calls()) {
      if (call.command->name == function) found += call.arguments;
    }
    return found;
  }
  static std::string offset_line(std::uint64_t value) { return std::format("memoryOffset {:#x}\n", value); }

  fake::FakeDriver driver;
  TestWindow window;
  WindowClient client{std::make_unique<ClientContext>(options(), driver.loader()), window};
};

TEST_F(Import, WholeStepsAreImportedAndTheRestIsBias) {
  attach_first();
  static_cast<void>(told(""));
  const auto memory = client.import(kFirst, 8192);
  ASSERT_NE(memory, 0u);
  EXPECT_THAT(told("vkAllocateMemory"), HasSubstr(std::format("allocationSize {:#x}\n", 2 * kStep)));
  const auto buffer = client.create_buffer(4096);
  EXPECT_EQ(client.bind_buffer(buffer, memory, 512), VK_SUCCESS);
  EXPECT_THAT(told("vkBindBufferMemory"), HasSubstr(offset_line(kBias + 512)));

  client.submit_fill(buffer);
  const auto bytes = window.bytes(kPlace + 512, 4096);
  std::uint32_t word = 0;
  std::memcpy(&word, bytes.data(), sizeof(word));
  EXPECT_EQ(word, kPattern) << "The fake fills what it was given.";
}

TEST_F(Import, EveryKindOfBindIsMoved) {
  attach_first(kPlace, 1 << 17);
  const auto memory = client.import(kFirst, 1 << 17);
  const auto memory_handle = as_handle<VkDeviceMemory>(memory);
  EXPECT_EQ(client.bind_image(client.create_image(), memory, 256), VK_SUCCESS);
  EXPECT_THAT(told("vkBindImageMemory"), HasSubstr(offset_line(kBias + 256)));

  const VkBindBufferMemoryInfo buffer{.sType = VK_STRUCTURE_TYPE_BIND_BUFFER_MEMORY_INFO,
                                      .buffer = as_handle<VkBuffer>(client.create_buffer(4096)),
                                      .memory = memory_handle,
                                      .memoryOffset = 1024};
  wire::vkBindBufferMemory2_args bind_buffer;
  bind_buffer.device.id = client.device;
  bind_buffer.bindInfoCount = 1;
  bind_buffer.pBindInfos = &buffer;
  ASSERT_TRUE(client.call(bind_buffer));
  EXPECT_EQ(bind_buffer.ret, VK_SUCCESS);
  EXPECT_THAT(told("vkBindBufferMemory2"), HasSubstr(offset_line(kBias + 1024)));

  const VkBindImagePlaneMemoryInfo plane{.sType = VK_STRUCTURE_TYPE_BIND_IMAGE_PLANE_MEMORY_INFO,
                                         .planeAspect = VK_IMAGE_ASPECT_PLANE_1_BIT};
  const VkBindImageMemoryInfo image{.sType = VK_STRUCTURE_TYPE_BIND_IMAGE_MEMORY_INFO,
                                    .pNext = &plane,
                                    .image = as_handle<VkImage>(client.create_image()),
                                    .memory = memory_handle,
                                    .memoryOffset = 2048};
  wire::vkBindImageMemory2_args bind_image;
  bind_image.device.id = client.device;
  bind_image.bindInfoCount = 1;
  bind_image.pBindInfos = &image;
  ASSERT_TRUE(client.call(bind_image));
  EXPECT_EQ(bind_image.ret, VK_SUCCESS);
  EXPECT_THAT(told("vkBindImageMemory2"), HasSubstr(offset_line(kBias + 2048)));

  const VkSparseMemoryBind sparse{.size = 4096, .memory = memory_handle, .memoryOffset = 8192};
  const VkSparseBufferMemoryBindInfo sparse_buffer{
      .buffer = as_handle<VkBuffer>(client.create_buffer(4096, VK_BUFFER_CREATE_SPARSE_BINDING_BIT)),
      .bindCount = 1,
      .pBinds = &sparse};
  const VkBindSparseInfo info{
      .sType = VK_STRUCTURE_TYPE_BIND_SPARSE_INFO, .bufferBindCount = 1, .pBufferBinds = &sparse_buffer};
  wire::vkQueueBindSparse_args bind_sparse;
  bind_sparse.queue.id = client.queue;
  bind_sparse.bindInfoCount = 1;
  bind_sparse.pBindInfo = &info;
  ASSERT_TRUE(client.call(bind_sparse));
  EXPECT_THAT(told("vkQueueBindSparse"), HasSubstr(offset_line(kBias + 8192)));
}

TEST_F(Import, MemoryOfOtherKindsIsBoundWhereTheClientSays) {
  attach_first();
  ASSERT_NE(client.import(kFirst, 8192), 0u);
  const auto plain = client.allocate(8192, 1, nullptr);
  ASSERT_NE(plain, 0u);
  EXPECT_EQ(client.bind_buffer(client.create_buffer(4096), plain, 512), VK_SUCCESS);
  EXPECT_THAT(told("vkBindBufferMemory"), HasSubstr(offset_line(512)));
}

TEST_F(Import, ADedicatedAllocationIsImportedLikeAnyOther) {
  attach_first();
  const auto buffer = client.create_buffer(4096);
  static_cast<void>(told(""));
  const VkMemoryDedicatedAllocateInfo dedicated{.sType = VK_STRUCTURE_TYPE_MEMORY_DEDICATED_ALLOCATE_INFO,
                                                .buffer = as_handle<VkBuffer>(buffer)};
  const auto memory = client.import(kFirst, 4096, 0, &dedicated);
  ASSERT_NE(memory, 0u);
  EXPECT_THAT(told("vkAllocateMemory"), testing::Not(HasSubstr("Dedicated")));
  EXPECT_EQ(client.bind_buffer(buffer, memory, 0), VK_SUCCESS);
  EXPECT_THAT(told("vkBindBufferMemory"), HasSubstr(offset_line(kBias)));
}

TEST_F(Import, MoreThanTheRangeIsRefused) {
  attach_first(kPlace, 5000);
  EXPECT_EQ(client.import(kFirst, 5001), 0u);
  EXPECT_EQ(client.import(kFirst, 8192), 0u) << "The rest of the page is somebody else's.";
  EXPECT_EQ(client.import(kFirst, 4096, 1), 0u) << "The type cannot be imported.";
  EXPECT_NE(client.import(kFirst, 5000), 0u);
}

TEST_F(Import, BindsOutsideOfTheAllocationAreRefused) {
  attach_first(kPlace, 8192);
  const auto memory = client.import(kFirst, 6144);
  const std::size_t before = driver.count("vkBindBufferMemory") + driver.count("vkBindImageMemory");
  EXPECT_LT(client.bind_buffer(client.create_buffer(4096), memory, 2304), 0);
  EXPECT_LT(client.bind_buffer(client.create_buffer(4096), memory, 6400), 0);
  EXPECT_LT(client.bind_buffer(client.create_buffer(4096), memory, UINT64_MAX - 255), 0);
  EXPECT_LT(client.bind_image(client.create_image(), memory, 0), 0) << "It needs 64 KiB.";
  EXPECT_EQ(driver.count("vkBindBufferMemory") + driver.count("vkBindImageMemory"), before);
  EXPECT_EQ(client.bind_buffer(client.create_buffer(4096), memory, 2048), VK_SUCCESS);
  EXPECT_FALSE(client.context->fatal());
}

TEST_F(Import, ASparseBindOutsideOfTheAllocationEndsTheContext) {
  attach_first();
  const auto memory = client.import(kFirst, 8192);
  const VkSparseMemoryBind bind{.size = 4096, .memory = as_handle<VkDeviceMemory>(memory), .memoryOffset = 8192};
  const VkSparseBufferMemoryBindInfo buffer{
      .buffer = as_handle<VkBuffer>(client.create_buffer(4096, VK_BUFFER_CREATE_SPARSE_BINDING_BIT)),
      .bindCount = 1,
      .pBinds = &bind};
  const VkBindSparseInfo info{
      .sType = VK_STRUCTURE_TYPE_BIND_SPARSE_INFO, .bufferBindCount = 1, .pBufferBinds = &buffer};
  wire::vkQueueBindSparse_args args;
  args.queue.id = client.queue;
  args.bindInfoCount = 1;
  args.pBindInfo = &info;
  const std::size_t before = driver.count("vkQueueBindSparse");
  EXPECT_FALSE(client.send(args));
  EXPECT_EQ(driver.count("vkQueueBindSparse"), before);
}

TEST_F(Import, NeighboursInOneStepAreImportedBoth) {
  attach_first(kReplyBytes, 4096);
  client.attach(kSecond, window.range(kReplyBytes + 4096, 4096));
  const auto first = client.import(kFirst, 4096);
  const auto second = client.import(kSecond, 4096);
  ASSERT_NE(first, 0u);
  ASSERT_NE(second, 0u);
  static_cast<void>(told(""));
  EXPECT_EQ(client.bind_buffer(client.create_buffer(4096), first, 0), VK_SUCCESS);
  EXPECT_THAT(told("vkBindBufferMemory"), HasSubstr(offset_line(0)));
  EXPECT_EQ(client.bind_buffer(client.create_buffer(4096), second, 0), VK_SUCCESS);
  EXPECT_THAT(told("vkBindBufferMemory"), HasSubstr(offset_line(4096)));
}

TEST_F(Import, AStepBeyondTheFileIsNotImported) {
  const TestWindow odd(kStep + 4096);
  client.attach(kFirst, odd.range(kStep, 4096));
  EXPECT_EQ(client.import(kFirst, 4096), 0u) << "The driver would take pages that are not there.";
  client.attach(kSecond, odd.range(4096, 4096));
  EXPECT_NE(client.import(kSecond, 4096), 0u);
}

TEST_F(Import, WhatWasDetachedLeavesATombstone) {
  attach_first();
  EXPECT_EQ(*client.detach(kFirst), 1);
  EXPECT_EQ(client.import(kFirst, 4096), 0u);
  EXPECT_FALSE(client.context->fatal()) << "Mesa's two ways race when memory is freed at once.";
}

TEST_F(Import, MemoryThatIsNotImportedCannotBeMapped) {
  static_cast<void>(told(""));
  EXPECT_NE(client.allocate(4096, 0, nullptr), 0u);
  EXPECT_THAT(told("vkAllocateMemory"), testing::Not(HasSubstr("HostPointer")));
}

TEST_F(Import, ARangeGoesIntoTheTypesThatCanBeImported) {
  attach_first();
  EXPECT_EQ(client.type_for(kFirst), 0u);
}

// A tiled image of a GPU may need more than a page of the client's.
TEST_F(Import, WhatNeedsALargerAlignmentThanTheBiasHasIsNotBound) {
  const std::size_t before = driver.count("vkBindImageMemory");
  driver.set_image_alignment(16384);
  attach_first(kPlace, 1 << 17);
  EXPECT_LT(client.bind_image(client.create_image(), client.import(kFirst, 1 << 17), 0), 0);
  EXPECT_EQ(driver.count("vkBindImageMemory"), before);
  client.attach(kSecond, window.range(4 * kStep, 1 << 17));
  EXPECT_EQ(client.bind_image(client.create_image(), client.import(kSecond, 1 << 17), 16384), VK_SUCCESS);
}

// Blocks of 64 KiB, of 128 x 128 pixels: as many as the extent has begun.
TEST_F(Import, SparseBlocksOfAnImageStayInside) {
  driver.set_image_alignment(65536);
  client.attach(kFirst, window.range(4 * 65536, 3 * 65536));
  const auto memory = client.import(kFirst, 3 * 65536);
  const auto image = client.create_image();
  const auto binds = [&](std::uint32_t width, VkDeviceSize offset) {
    const VkSparseImageMemoryBind bind{.subresource = {.aspectMask = VK_IMAGE_ASPECT_COLOR_BIT},
                                       .extent = {.width = width, .height = 128, .depth = 1},
                                       .memory = as_handle<VkDeviceMemory>(memory),
                                       .memoryOffset = offset};
    const VkSparseImageMemoryBindInfo binds_of_image{
        .image = as_handle<VkImage>(image), .bindCount = 1, .pBinds = &bind};
    const VkBindSparseInfo info{
        .sType = VK_STRUCTURE_TYPE_BIND_SPARSE_INFO, .imageBindCount = 1, .pImageBinds = &binds_of_image};
    wire::vkQueueBindSparse_args args;
    args.queue.id = client.queue;
    args.bindInfoCount = 1;
    args.pBindInfo = &info;
    return client.send(args);
  };
  EXPECT_TRUE(binds(3 * 128, 0));
  EXPECT_TRUE(binds(129, 65536));
  EXPECT_FALSE(binds(129, 2 * 65536)) << "The second block is outside.";
}

TEST_F(Import, HeapsAreAsLargeAsTheWindow) {
  wire::vkGetPhysicalDeviceMemoryProperties_args args;
  VkPhysicalDeviceMemoryProperties properties{};
  args.physicalDevice.id = client.physical_device;
  args.pMemoryProperties = &properties;
  ASSERT_TRUE(client.call(args));
  EXPECT_EQ(args.pMemoryProperties->memoryHeaps[0].size, 1u << 20);
}

TEST_F(Import, ADriverThatRefusesAnImportKeepsNothing) {
  attach_first();
  driver.fail("vkAllocateMemory", 1, VK_ERROR_INVALID_EXTERNAL_HANDLE);
  EXPECT_EQ(client.import(kFirst, 4096), 0u);
  EXPECT_EQ(*client.detach(kFirst), 1);
}

// ---- When a range is released ----

TEST_F(Import, ARangeIsReleasedWhenItsMemoryIsFreed) {
  attach_first();
  const auto first = client.import(kFirst, 4096);
  const auto second = client.import(kFirst, 4096);
  const auto released = client.detach(kFirst);
  EXPECT_EQ(*released, 0);
  client.free(first);
  EXPECT_EQ(*released, 0) << "Another memory imports it.";
  client.free(second);
  EXPECT_EQ(*released, 1);
}

TEST_F(Import, FreedFirstItIsReleasedWhenItIsDetached) {
  attach_first();
  client.free(client.import(kFirst, 4096));
  EXPECT_EQ(*client.detach(kFirst), 1);
}

TEST_F(Import, OneOfTwoRangesOverTheSameBytesIsReleasedAlone) {
  attach_first();
  client.attach(kSecond, window.range(kPlace, 8192));
  const auto memory = client.import(kSecond, 8192);
  EXPECT_EQ(*client.detach(kFirst), 1);
  const auto released = client.detach(kSecond);
  EXPECT_EQ(*released, 0);
  client.free(memory);
  EXPECT_EQ(*released, 1);
}

TEST_F(Import, ADeviceReleasesWhatIsLeftOnIt) {
  attach_first();
  static_cast<void>(client.import(kFirst, 4096));
  const auto released = client.detach(kFirst);
  wire::vkDestroyDevice_args destroy;
  destroy.device.id = client.device;
  ASSERT_TRUE(client.send(destroy));
  EXPECT_EQ(*released, 1);
}

TEST_F(Import, AContextReleasesWhatIsLeftInIt) {
  attach_first();
  static_cast<void>(client.import(kFirst, 4096));
  client.attach(kSecond, window.range(0, 4096));
  const auto released = client.detach(kFirst);
  client.context.reset();
  EXPECT_EQ(*released, 1);
  EXPECT_THAT(driver.violations(), IsEmpty());
}

// The GPU of the fake is as busy as a test says: as long as `busy` is true, fences are not signalled.
class BusyImport : public testing::Test {
 protected:
  BusyImport() {
    driver.before_call([this](const fake::Command& command) {
      if (std::string_view(command.name) != "vkWaitForFences") return;
      ++waits;
      if (endless) {
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
        driver.answer_with(VK_TIMEOUT, "vkWaitForFences");
      } else {
        busy.wait(true);
      }
    });
    client.emplace(std::make_unique<ClientContext>(ContextOptions{.memory_in_ranges = true}, driver.loader()), window);
    client->attach(kFirst, window.range(kPlace, 8192));
  }
  ~BusyImport() override {
    endless = false;
    done();
  }

  void done() {
    busy = false;
    busy.notify_all();
  }

  // Freed while work that was submitted before may still use it. Returns what counts the release.
  std::shared_ptr<std::atomic<int>> free_in_use() {
    const auto memory = client->import(kFirst, 8192);
    const auto buffer = client->create_buffer(4096);
    EXPECT_EQ(client->bind_buffer(buffer, memory, 0), VK_SUCCESS);
    client->submit_fill(buffer, false);
    busy = true;
    const auto released = client->detach(kFirst);
    client->free(memory);
    return released;
  }

  static bool eventually(const std::function<bool()>& what) {
    for (int i = 0; i < 10'000 && !what(); ++i) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    return what();
  }

  std::atomic<bool> busy{false};
  std::atomic<bool> endless{false};
  std::atomic<int> waits{0};
  fake::FakeDriver driver;
  TestWindow window;
  std::optional<WindowClient> client;
};

TEST_F(BusyImport, WhatTheGpuMayUseIsReleasedWhenItIsDone) {
  const auto released = free_in_use();
  ASSERT_TRUE(eventually([&] { return waits > 0; }));
  EXPECT_EQ(*released, 0);
  done();
  EXPECT_TRUE(eventually([&] { return *released == 1; }));

  // Nothing was submitted since: the next one needs no wait.
  const int before = waits;
  client->attach(kSecond, window.range(kPlace, 8192));
  client->free(client->import(kSecond, 8192));
  EXPECT_EQ(*client->detach(kSecond), 1);
  EXPECT_EQ(waits, before);
}

TEST_F(BusyImport, EndlessWorkKeepsARangeForAWhileOnly) {
  endless = true;
  const auto released = free_in_use();
  EXPECT_EQ(*released, 0);
  EXPECT_TRUE(eventually([&] { return *released == 1; }));
  EXPECT_TRUE(endless) << "No fence was signalled.";
}

// ---- On the host's own driver ----

std::unique_ptr<Context> on_host(std::uint64_t granularity) {
  auto context = Context::create({.memory_in_ranges = true, .import_granularity = granularity});
  if (!context) throw std::runtime_error(context.error().message);
  return std::move(*context);
}

void expect_words(std::span<const std::byte> bytes, std::uint32_t value) {
  for (std::size_t at = 0; at + 4 <= bytes.size(); at += 4) {
    std::uint32_t word = 0;
    std::memcpy(&word, &bytes[at], sizeof(word));
    ASSERT_EQ(word, value) << "at " << at;
  }
}

// Fills one page between two others, at each place that a page can have in a step of the driver's.
class HostImport : public testing::TestWithParam<std::uint64_t> {};

TEST_P(HostImport, WhatTheGpuFillsIsTheRangeAndNothingElse) {
  TestWindow window;
  WindowClient client(on_host(GetParam()), window);
  for (std::uint64_t place = 0; place < 5; ++place) {
    constexpr std::uint64_t kApart = 16 * kRangeStep;
    const std::uint64_t offset = (1 << 20) + place * (kApart + kRangeStep);
    client.attach(kFirst, window.range(offset, kRangeStep));
    const auto memory = client.import(kFirst, kRangeStep, client.type_for(kFirst));
    ASSERT_NE(memory, 0u);
    const auto buffer = client.create_buffer(kRangeStep);
    ASSERT_EQ(client.bind_buffer(buffer, memory, 0), VK_SUCCESS);
    client.submit_fill(buffer);
    expect_words(window.bytes(offset, kRangeStep), kPattern);
    expect_words(window.bytes(offset - kRangeStep, kRangeStep), 0);
    expect_words(window.bytes(offset + kRangeStep, kRangeStep), 0);
    EXPECT_LT(client.bind_buffer(client.create_buffer(kRangeStep), memory, 256), 0) << "It would reach the next page.";
    const auto released = client.detach(kFirst);
    client.free(memory);
    for (int i = 0; i < 5000 && *released == 0; ++i) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    EXPECT_EQ(*released, 1);
  }
}

INSTANTIATE_TEST_SUITE_P(Granularity, HostImport, testing::Values(0, 16384, 65536));

TEST(HostImports, TwoContextsShareARange) {
  TestWindow window;
  WindowClient program(on_host(0), window);
  WindowClient compositor(on_host(16384), window, kReplyBytes);
  constexpr std::uint64_t kOffset = (1 << 20) + kRangeStep;
  program.attach(kFirst, window.range(kOffset, 4 * kRangeStep));
  compositor.attach(kSecond, window.range(kOffset, 4 * kRangeStep));
  const auto theirs = program.import(kFirst, 4 * kRangeStep, program.type_for(kFirst));
  const auto ours = compositor.import(kSecond, 4 * kRangeStep, compositor.type_for(kSecond));
  ASSERT_NE(theirs, 0u);
  ASSERT_NE(ours, 0u);

  const auto buffer = program.create_buffer(4 * kRangeStep);
  ASSERT_EQ(program.bind_buffer(buffer, theirs, 0), VK_SUCCESS);
  const auto released = program.detach(kFirst);
  program.submit_fill(buffer);
  program.context.reset();
  EXPECT_EQ(*released, 1);

  // Still there for the other one, which fills the last page.
  expect_words(window.bytes(kOffset, 4 * kRangeStep), kPattern);
  std::ranges::fill(window.bytes(kOffset, 4 * kRangeStep), std::byte{0});
  const auto last = compositor.create_buffer(kRangeStep);
  ASSERT_EQ(compositor.bind_buffer(last, ours, 3 * kRangeStep), VK_SUCCESS);
  compositor.submit_fill(last);
  expect_words(window.bytes(kOffset, 3 * kRangeStep), 0);
  expect_words(window.bytes(kOffset + 3 * kRangeStep, kRangeStep), kPattern);
}

TEST(HostImports, TenThousandLiveAtOnce) {
  constexpr std::uint32_t kCount = 10'000;
  TestWindow window(std::size_t{64} << 20);
  WindowClient client(on_host(0), window);
  std::vector<wire::ObjectId> memories;
  std::uint32_t type = 0;
  for (std::uint32_t i = 0; i < kCount; ++i) {
    const auto resource = ResourceId{100 + i};
    client.attach(resource, window.range((1 << 20) + i * kRangeStep, kRangeStep));
    if (i == 0) type = client.type_for(resource);
    memories.push_back(client.import(resource, kRangeStep, type));
    ASSERT_NE(memories.back(), 0u) << i;
  }
  const auto buffer = client.create_buffer(kRangeStep);
  ASSERT_EQ(client.bind_buffer(buffer, memories[kCount / 2], 0), VK_SUCCESS);
  client.submit_fill(buffer);
  expect_words(window.bytes((1 << 20) + (kCount / 2) * kRangeStep, kRangeStep), kPattern);
  std::atomic<std::uint32_t> released = 0;
  for (std::uint32_t i = 0; i < kCount; ++i) {
    client.context->detach_resource(ResourceId{100 + i}, [&] { ++released; });
    client.free(memories[i]);
  }
  client.context.reset();
  EXPECT_EQ(released, kCount);
}

TEST(HostImports, AGranularityThatIsNoneIsRefused) {
  TestWindow window;
  EXPECT_THROW(WindowClient(on_host(12288), window), std::runtime_error);
  EXPECT_THROW(WindowClient(on_host(1 << 20), window), std::runtime_error);
}

}  // namespace
}  // namespace hesper::render::test
