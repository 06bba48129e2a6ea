// What no correct client does, on the fake driver: the command is refused, and the driver does not see it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <functional>
#include <thread>

#include "fake_driver.h"
#include "guest_ring.h"
#include "render/client_context.h"
#include "test_client.h"

namespace hesper::render::test {
namespace {

using testing::IsEmpty;

class Hostile : public testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(client.start()); }

  // True: the context was lost, and the driver's function was not called.
  template <class Args>
  bool refused(const Args& args, std::string_view function) {
    const std::size_t before = driver.count(function);
    return !client.send(args) && client.context->fatal() && driver.count(function) == before;
  }

  wire::ObjectId create_device() {
    wire::ObjectId id = client.new_id();
    const float priority = 1.0F;
    const VkDeviceQueueCreateInfo queue{
        .sType = VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO, .queueCount = 1, .pQueuePriorities = &priority};
    const VkDeviceCreateInfo info{
        .sType = VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO, .queueCreateInfoCount = 1, .pQueueCreateInfos = &queue};
    VkDevice made{};
    wire::vkCreateDevice_args args;
    args.physicalDevice.id = client.physical_device;
    args.pCreateInfo = &info;
    args.pDevice = &made;
    args.pDevice_ids = &id;
    EXPECT_TRUE(client.call(args));
    last_result = args.ret;
    return id;
  }

  wire::ObjectId create_buffer() {
    wire::ObjectId id = client.new_id();
    const VkBufferCreateInfo info{
        .sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO, .size = 256, .usage = VK_BUFFER_USAGE_TRANSFER_DST_BIT};
    VkBuffer made{};
    wire::vkCreateBuffer_args args;
    args.device.id = client.device;
    args.pCreateInfo = &info;
    args.pBuffer = &made;
    args.pBuffer_ids = &id;
    EXPECT_TRUE(client.send(args));
    return id;
  }

  wire::ObjectId allocate_memory(VkDeviceSize size, std::uint32_t type = 0) {
    wire::ObjectId id = client.new_id();
    const VkMemoryAllocateInfo info{
        .sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO, .allocationSize = size, .memoryTypeIndex = type};
    VkDeviceMemory made{};
    wire::vkAllocateMemory_args args;
    args.device.id = client.device;
    args.pAllocateInfo = &info;
    args.pMemory = &made;
    args.pMemory_ids = &id;
    EXPECT_TRUE(client.call(args));
    last_result = args.ret;
    return id;
  }

  void free_memory(wire::ObjectId id) {
    wire::vkFreeMemory_args args;
    args.device.id = client.device;
    args.memory.id = id;
    EXPECT_TRUE(client.send(args));
  }

  wire::ObjectId create_command_pool() {
    wire::ObjectId id = client.new_id();
    const VkCommandPoolCreateInfo info{.sType = VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO};
    VkCommandPool made{};
    wire::vkCreateCommandPool_args args;
    args.device.id = client.device;
    args.pCreateInfo = &info;
    args.pCommandPool = &made;
    args.pCommandPool_ids = &id;
    EXPECT_TRUE(client.send(args));
    return id;
  }

  wire::ObjectId allocate_command_buffer(wire::ObjectId pool) {
    wire::ObjectId id = client.new_id();
    const VkCommandBufferAllocateInfo info{.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO,
                                           .commandPool = as_handle<VkCommandPool>(pool),
                                           .commandBufferCount = 1};
    VkCommandBuffer made{};
    wire::vkAllocateCommandBuffers_args args;
    args.device.id = client.device;
    args.pAllocateInfo = &info;
    args.pCommandBuffers = &made;
    args.pCommandBuffers_ids = &id;
    EXPECT_TRUE(client.send(args));
    return id;
  }

  wire::vkFreeCommandBuffers_args freeing(wire::ObjectId pool, std::span<const wire::ObjectId> ids) {
    wire::vkFreeCommandBuffers_args args;
    args.device.id = client.device;
    args.commandPool.id = pool;
    args.commandBufferCount = static_cast<std::uint32_t>(ids.size());
    args.pCommandBuffers_ids = ids.data();
    return args;
  }

  wire::ObjectId create_query_pool(VkQueryType type, std::uint32_t count) {
    wire::ObjectId id = client.new_id();
    const VkQueryPoolCreateInfo info{.sType = VK_STRUCTURE_TYPE_QUERY_POOL_CREATE_INFO,
                                     .queryType = type,
                                     .queryCount = count,
                                     .pipelineStatistics = VK_QUERY_PIPELINE_STATISTIC_CLIPPING_INVOCATIONS_BIT |
                                                           VK_QUERY_PIPELINE_STATISTIC_CLIPPING_PRIMITIVES_BIT};
    VkQueryPool made{};
    wire::vkCreateQueryPool_args args;
    args.device.id = client.device;
    args.pCreateInfo = &info;
    args.pQueryPool = &made;
    args.pQueryPool_ids = &id;
    EXPECT_TRUE(client.send(args));
    return id;
  }

  wire::ObjectId create_host_image(VkFormat format, VkExtent3D extent) {
    wire::ObjectId id = client.new_id();
    const VkImageCreateInfo info{.sType = VK_STRUCTURE_TYPE_IMAGE_CREATE_INFO,
                                 .imageType = VK_IMAGE_TYPE_2D,
                                 .format = format,
                                 .extent = extent,
                                 .mipLevels = 2,
                                 .arrayLayers = 1,
                                 .samples = VK_SAMPLE_COUNT_1_BIT,
                                 .usage = VK_IMAGE_USAGE_HOST_TRANSFER_BIT};
    VkImage made{};
    wire::vkCreateImage_args args;
    args.device.id = client.device;
    args.pCreateInfo = &info;
    args.pImage = &made;
    args.pImage_ids = &id;
    EXPECT_TRUE(client.send(args));
    return id;
  }

  fake::FakeDriver driver;
  TestClient client{std::make_unique<ClientContext>(
      ContextOptions{.memory_budget = std::uint64_t{64} << 20, .max_devices = 4}, driver.loader())};
  VkResult last_result = VK_SUCCESS;
};

// ---- Objects ----

TEST_F(Hostile, AnObjectOfAnotherDeviceIsRefused) {
  const wire::ObjectId buffer = create_buffer();
  wire::vkDestroyBuffer_args args;
  args.device.id = create_device();
  args.buffer.id = buffer;
  EXPECT_TRUE(refused(args, "vkDestroyBuffer"));
}

TEST_F(Hostile, AnObjectOfAnotherDeviceInsideAStructIsRefused) {
  const wire::ObjectId buffer = create_buffer();
  const VkBufferDeviceAddressInfo info{.sType = VK_STRUCTURE_TYPE_BUFFER_DEVICE_ADDRESS_INFO,
                                       .buffer = as_handle<VkBuffer>(buffer)};
  wire::vkGetBufferDeviceAddress_args args;
  args.device.id = create_device();
  args.pInfo = &info;
  EXPECT_TRUE(refused(args, "vkGetBufferDeviceAddress"));
}

TEST_F(Hostile, DestroyingTwiceIsRefused) {
  const wire::ObjectId buffer = create_buffer();
  wire::vkDestroyBuffer_args args;
  args.device.id = client.device;
  args.buffer.id = buffer;
  EXPECT_TRUE(client.send(args));
  EXPECT_TRUE(refused(args, "vkDestroyBuffer"));
}

TEST_F(Hostile, UsingAnotherTypeIsRefused) {
  wire::vkDestroyImage_args args;
  args.device.id = client.device;
  args.image.id = create_buffer();
  EXPECT_TRUE(refused(args, "vkDestroyImage"));
}

TEST_F(Hostile, CommandBuffersGoBackToTheirOwnPoolOnly) {
  const wire::ObjectId own = allocate_command_buffer(create_command_pool());
  EXPECT_TRUE(refused(freeing(create_command_pool(), {{own}}), "vkFreeCommandBuffers"));
}

TEST_F(Hostile, OneCommandBufferIsFreedOnce) {
  const wire::ObjectId pool = create_command_pool();
  const wire::ObjectId buffer = allocate_command_buffer(pool);
  EXPECT_TRUE(refused(freeing(pool, {{buffer, buffer}}), "vkFreeCommandBuffers"));
}

TEST_F(Hostile, CommandBuffersOfADestroyedPoolAreUnknown) {
  const wire::ObjectId pool = create_command_pool();
  const wire::ObjectId buffer = allocate_command_buffer(pool);
  wire::vkDestroyCommandPool_args destroy;
  destroy.device.id = client.device;
  destroy.commandPool.id = pool;
  EXPECT_TRUE(client.send(destroy));
  wire::vkEndCommandBuffer_args args;
  args.commandBuffer.id = buffer;
  EXPECT_TRUE(refused(args, "vkEndCommandBuffer"));
}

TEST_F(Hostile, DevicesAreCounted) {
  for (int i = 0; i < 3; ++i) {
    create_device();
    EXPECT_EQ(last_result, VK_SUCCESS);
  }
  create_device();
  EXPECT_EQ(last_result, VK_ERROR_TOO_MANY_OBJECTS);
}

// ---- Sizes that are about our memory ----

struct QueryCase {
  const char* name;
  std::uint32_t first, count;
  std::size_t size;
  VkDeviceSize stride;
  VkQueryResultFlags flags;
  bool fine;
};
class QueryResults : public Hostile, public testing::WithParamInterface<QueryCase> {};

TEST_P(QueryResults, FitTheirRoom) {
  std::array<std::byte, 64> room{};
  wire::vkGetQueryPoolResults_args args;
  args.device.id = client.device;
  args.queryPool.id = create_query_pool(VK_QUERY_TYPE_PIPELINE_STATISTICS, 4);
  args.firstQuery = GetParam().first;
  args.queryCount = GetParam().count;
  args.dataSize = GetParam().size;
  args.pData = room.data();
  args.stride = GetParam().stride;
  args.flags = GetParam().flags;
  if (GetParam().fine) {
    EXPECT_TRUE(client.send(args));
  } else {
    EXPECT_TRUE(refused(args, "vkGetQueryPoolResults"));
  }
}

// Two statistics each. NOLINTBEGIN(modernize-use-designated-initializers)
// clang-format off
constexpr QueryCase kQueryCases[] = {
    // name, first, count, size, stride, flags, fine
    {"One", 0, 1, 8, 0, 0, true},
    {"All", 0, 4, 32, 8, 0, true},
    {"None", 4, 0, 4, 0, 0, true},
    {"TooWide", 0, 1, 8, 0, VK_QUERY_RESULT_64_BIT, false},
    {"TooWideWithAvailability", 0, 1, 8, 0, VK_QUERY_RESULT_WITH_AVAILABILITY_BIT, false},
    {"StrideTooLarge", 0, 2, 16, 12, 0, false},
    {"StrideOverflows", 0, 3, 64, VkDeviceSize{1} << 63, 0, false},
    {"PastThePool", 3, 2, 64, 8, 0, false},
    {"FirstPastThePool", UINT32_MAX, 2, 64, 8, 0, false},
};
// clang-format on
// NOLINTEND(modernize-use-designated-initializers)
INSTANTIATE_TEST_SUITE_P(Sizes, QueryResults, testing::ValuesIn(kQueryCases),
                         [](const auto& each) { return each.param.name; });

struct CopyCase {
  const char* name;
  VkExtent3D extent;
  std::int32_t y;
  std::uint32_t mip, row, size;
  bool fine;
};
class HostCopies : public Hostile, public testing::WithParamInterface<CopyCase> {};

TEST_P(HostCopies, FitTheirRoom) {
  std::array<std::byte, 256> room{};
  const wire::VkCopyImageToMemoryInfoMESA info{
      .sType = wire::VK_STRUCTURE_TYPE_COPY_IMAGE_TO_MEMORY_INFO_MESA,
      .srcImage = as_handle<VkImage>(create_host_image(VK_FORMAT_R8G8B8A8_UNORM, {8, 8, 1})),
      .memoryRowLength = GetParam().row,
      .imageSubresource = {.aspectMask = VK_IMAGE_ASPECT_COLOR_BIT, .mipLevel = GetParam().mip, .layerCount = 1},
      .imageOffset = {.x = 0, .y = GetParam().y, .z = 0},
      .imageExtent = GetParam().extent};
  wire::vkCopyImageToMemoryMESA_args args;
  args.device.id = client.device;
  args.pCopyImageToMemoryInfo = &info;
  args.dataSize = GetParam().size;
  args.pData = room.data();
  if (GetParam().fine) {
    EXPECT_TRUE(client.send(args));
  } else {
    EXPECT_TRUE(refused(args, "vkCopyImageToMemory"));
  }
}

// NOLINTBEGIN(modernize-use-designated-initializers)
// clang-format off
constexpr CopyCase kCopyCases[] = {
    // name, extent, y, mip, row, size, fine
    {"Whole", {8, 8, 1}, 0, 0, 0, 256, true},
    {"RowsApart", {8, 2, 1}, 0, 0, 16, 96, true},
    {"SmallLevel", {4, 4, 1}, 0, 1, 0, 64, true},
    {"OneByteShort", {8, 8, 1}, 0, 0, 0, 255, false},
    {"RowsTooFarApart", {8, 2, 1}, 0, 0, 64, 96, false},
    {"RowsTooShort", {8, 2, 1}, 0, 0, 7, 256, false},
    {"LargerThanTheLevel", {8, 8, 1}, 0, 1, 0, 256, false},
    {"PastTheEdge", {8, 4, 1}, 5, 0, 0, 256, false},
    {"NegativeOffset", {8, 4, 1}, -1, 0, 0, 256, false},
    {"NoSuchLevel", {1, 1, 1}, 0, 2, 0, 256, false},
    {"RowsOverflow", {8, 8, 1}, 0, 0, UINT32_MAX, 256, false},
};
// clang-format on
// NOLINTEND(modernize-use-designated-initializers)
INSTANTIATE_TEST_SUITE_P(Sizes, HostCopies, testing::ValuesIn(kCopyCases),
                         [](const auto& each) { return each.param.name; });

TEST_F(Hostile, ClearValuesAreCompleted) {
  std::array<VkAttachmentDescription, 3> attachments{};
  const VkSubpassDescription subpass{};
  const VkRenderPassCreateInfo info{.sType = VK_STRUCTURE_TYPE_RENDER_PASS_CREATE_INFO,
                                    .attachmentCount = attachments.size(),
                                    .pAttachments = attachments.data(),
                                    .subpassCount = 1,
                                    .pSubpasses = &subpass};
  wire::ObjectId pass = client.new_id();
  VkRenderPass made{};
  wire::vkCreateRenderPass_args create;
  create.device.id = client.device;
  create.pCreateInfo = &info;
  create.pRenderPass = &made;
  create.pRenderPass_ids = &pass;
  ASSERT_TRUE(client.send(create));
  const VkClearValue red{.color = {.float32 = {1, 0, 0, 1}}};
  const VkRenderPassBeginInfo begin{.sType = VK_STRUCTURE_TYPE_RENDER_PASS_BEGIN_INFO,
                                    .renderPass = as_handle<VkRenderPass>(pass),
                                    .clearValueCount = 1,
                                    .pClearValues = &red};
  wire::vkCmdBeginRenderPass_args args;
  args.commandBuffer.id = allocate_command_buffer(create_command_pool());
  args.pRenderPassBegin = &begin;
  static_cast<void>(driver.take_calls());
  ASSERT_TRUE(client.send(args));
  const auto calls = driver.take_calls();
  ASSERT_EQ(calls.size(), 1u);
  EXPECT_THAT(calls[0].arguments, testing::HasSubstr("clearValueCount 0x3"));
}

// ---- Memory budget ----

TEST_F(Hostile, MemoryBeyondTheBudgetIsOutOfDeviceMemory) {
  const wire::ObjectId half = allocate_memory(VkDeviceSize{40} << 20);
  EXPECT_EQ(last_result, VK_SUCCESS);
  allocate_memory(VkDeviceSize{40} << 20);
  EXPECT_EQ(last_result, VK_ERROR_OUT_OF_DEVICE_MEMORY);
  free_memory(half);
  allocate_memory(VkDeviceSize{40} << 20);
  EXPECT_EQ(last_result, VK_SUCCESS) << "What is freed counts no more.";
}

TEST_F(Hostile, BlobsShareTheBudgetWithMemory) {
  const auto blob = [&](std::uint32_t id, std::uint64_t size, wire::ObjectId memory) {
    return client.context->create_blob({.resource = ResourceId{id}, .blob_flags = 1, .blob_id = memory, .size = size})
        .has_value();
  };
  const wire::ObjectId memory = allocate_memory(VkDeviceSize{40} << 20);
  EXPECT_FALSE(blob(100, std::uint64_t{40} << 20, 0));
  EXPECT_TRUE(blob(101, std::uint64_t{40} << 20, memory)) << "A blob of memory has that memory's pages.";
  free_memory(memory);
  EXPECT_FALSE(blob(102, std::uint64_t{40} << 20, 0)) << "The blob keeps the pages.";
  client.context->destroy_resource(ResourceId{101});
  EXPECT_TRUE(blob(103, std::uint64_t{40} << 20, 0));
  client.context->destroy_resource(ResourceId{103});
  EXPECT_TRUE(blob(104, std::uint64_t{40} << 20, 0));
}

TEST_F(Hostile, HeapsAreNoLargerThanTheBudget) {
  VkPhysicalDeviceMemoryProperties properties{};
  wire::vkGetPhysicalDeviceMemoryProperties_args args;
  args.physicalDevice.id = client.physical_device;
  args.pMemoryProperties = &properties;
  ASSERT_TRUE(client.call(args));
  EXPECT_EQ(args.pMemoryProperties->memoryHeaps[0].size, std::uint64_t{64} << 20);
}

// ---- Streams that race ----

// A ring's thread is inside the driver with a buffer's device while the context stream destroys that device.
TEST_F(Hostile, ADeviceDestroyedUnderARingDoesNotEndIt) {
  const wire::ObjectId device = create_device();
  wire::ObjectId id = client.new_id();
  const VkEventCreateInfo info{.sType = VK_STRUCTURE_TYPE_EVENT_CREATE_INFO};
  VkEvent made{};
  wire::vkCreateEvent_args create;
  create.device.id = device;
  create.pCreateInfo = &info;
  create.pEvent = &made;
  create.pEvent_ids = &id;
  const auto bytes = TestClient::encode(create);

  // The ring executes the command's bytes over and over, until the device's id is unknown.
  auto& context = static_cast<ClientContext&>(*client.context);
  wire::vkSetEvent_args set;
  set.device.id = device;
  set.event.id = id;
  ASSERT_TRUE(client.context->submit(bytes));
  const auto again = TestClient::encode(set);
  std::thread ring([&] {
    CommandStream stream(context, "another stream");
    while (stream.execute(again)) {
    }
  });
  while (driver.count("vkSetEvent") < 100) std::this_thread::yield();
  wire::vkDestroyDevice_args destroy;
  destroy.device.id = device;
  static_cast<void>(client.send(destroy));  // false if the other stream has met the missing id already
  ring.join();
  EXPECT_TRUE(client.context->fatal());
}

}  // namespace
}  // namespace hesper::render::test
