// ClientContext on the host's own driver: replies, tombstones, memory that is shared, emulated sync_fd, and how a
// malformed stream ends one context and no other.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <functional>
#include <string_view>
#include <thread>
#include <vector>

#include "test_client.h"

namespace hesper::render::test {
namespace {

constexpr std::uint32_t kPattern = 0x1234abcd;

class ContextTest : public testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(client.start()); }

  wire::ObjectId create_fence() {
    const VkExportFenceCreateInfo exported{.sType = VK_STRUCTURE_TYPE_EXPORT_FENCE_CREATE_INFO,
                                           .handleTypes = VK_EXTERNAL_FENCE_HANDLE_TYPE_SYNC_FD_BIT};
    const VkFenceCreateInfo info{.sType = VK_STRUCTURE_TYPE_FENCE_CREATE_INFO, .pNext = &exported};
    wire::ObjectId id = client.new_id();
    VkFence made{};
    wire::vkCreateFence_args args;
    args.device.id = client.device;
    args.pCreateInfo = &info;
    args.pFence = &made;
    args.pFence_ids = &id;
    EXPECT_TRUE(client.call(args));
    EXPECT_EQ(args.ret, VK_SUCCESS);
    return id;
  }

  wire::ObjectId create_semaphore() {
    const VkExportSemaphoreCreateInfo exported{.sType = VK_STRUCTURE_TYPE_EXPORT_SEMAPHORE_CREATE_INFO,
                                               .handleTypes = VK_EXTERNAL_SEMAPHORE_HANDLE_TYPE_SYNC_FD_BIT};
    const VkSemaphoreCreateInfo info{.sType = VK_STRUCTURE_TYPE_SEMAPHORE_CREATE_INFO, .pNext = &exported};
    wire::ObjectId id = client.new_id();
    VkSemaphore made{};
    wire::vkCreateSemaphore_args args;
    args.device.id = client.device;
    args.pCreateInfo = &info;
    args.pSemaphore = &made;
    args.pSemaphore_ids = &id;
    EXPECT_TRUE(client.call(args));
    EXPECT_EQ(args.ret, VK_SUCCESS);
    return id;
  }

  VkResult submit(wire::ObjectId wait, wire::ObjectId signal, wire::ObjectId fence, wire::ObjectId command_buffer = 0) {
    const auto wait_handle = as_handle<VkSemaphore>(wait);
    const auto signal_handle = as_handle<VkSemaphore>(signal);
    const auto commands = as_handle<VkCommandBuffer>(command_buffer);
    const VkPipelineStageFlags stage = VK_PIPELINE_STAGE_ALL_COMMANDS_BIT;
    const VkSubmitInfo info{.sType = VK_STRUCTURE_TYPE_SUBMIT_INFO,
                            .waitSemaphoreCount = wait != 0 ? 1u : 0u,
                            .pWaitSemaphores = &wait_handle,
                            .pWaitDstStageMask = &stage,
                            .commandBufferCount = command_buffer != 0 ? 1u : 0u,
                            .pCommandBuffers = &commands,
                            .signalSemaphoreCount = signal != 0 ? 1u : 0u,
                            .pSignalSemaphores = &signal_handle};
    wire::vkQueueSubmit_args args;
    args.queue.id = client.queue;
    args.submitCount = 1;
    args.pSubmits = &info;
    args.fence.id = fence;
    EXPECT_TRUE(client.call(args));
    return args.ret;
  }

  VkResult wait_for(wire::ObjectId fence, std::uint64_t timeout = 5'000'000'000) {
    const auto handle = as_handle<VkFence>(fence);
    wire::vkWaitForFences_args args;
    args.device.id = client.device;
    args.fenceCount = 1;
    args.pFences = &handle;
    args.pFences_ids = &fence;
    args.waitAll = VK_TRUE;
    args.timeout = timeout;
    EXPECT_TRUE(client.call(args));
    return args.ret;
  }

  VkResult status_of(wire::ObjectId fence) {
    wire::vkGetFenceStatus_args args;
    args.device.id = client.device;
    args.fence.id = fence;
    EXPECT_TRUE(client.call(args));
    return args.ret;
  }

  // Without reply, as Mesa sends it.
  wire::ObjectId allocate_memory(VkDeviceSize size, std::uint32_t type = 0) {
    const VkMemoryAllocateInfo info{
        .sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO, .allocationSize = size, .memoryTypeIndex = type};
    wire::ObjectId id = client.new_id();
    VkDeviceMemory made{};
    wire::vkAllocateMemory_args args;
    args.device.id = client.device;
    args.pAllocateInfo = &info;
    args.pMemory = &made;
    args.pMemory_ids = &id;
    EXPECT_TRUE(client.send(args));
    return id;
  }

  wire::ObjectId create_buffer(VkDeviceSize size) {
    const VkBufferCreateInfo info{
        .sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO, .size = size, .usage = VK_BUFFER_USAGE_TRANSFER_DST_BIT};
    wire::ObjectId id = client.new_id();
    VkBuffer made{};
    wire::vkCreateBuffer_args args;
    args.device.id = client.device;
    args.pCreateInfo = &info;
    args.pBuffer = &made;
    args.pBuffer_ids = &id;
    EXPECT_TRUE(client.send(args));
    return id;
  }

  // A second device.
  VkResult create_device_with(const char* extension) {
    const float priority = 1.0F;
    const VkDeviceQueueCreateInfo queue_info{.sType = VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO,
                                             .queueFamilyIndex = 0,
                                             .queueCount = 1,
                                             .pQueuePriorities = &priority};
    const VkDeviceCreateInfo info{.sType = VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO,
                                  .queueCreateInfoCount = 1,
                                  .pQueueCreateInfos = &queue_info,
                                  .enabledExtensionCount = 1,
                                  .ppEnabledExtensionNames = &extension};
    wire::ObjectId id = client.new_id();
    VkDevice made{};
    wire::vkCreateDevice_args args;
    args.physicalDevice.id = client.physical_device;
    args.pCreateInfo = &info;
    args.pDevice = &made;
    args.pDevice_ids = &id;
    EXPECT_TRUE(client.call(args));
    return args.ret;
  }

  VkResult bind(wire::ObjectId buffer, wire::ObjectId memory) {
    wire::vkBindBufferMemory_args args;
    args.device.id = client.device;
    args.buffer.id = buffer;
    args.memory.id = memory;
    EXPECT_TRUE(client.call(args));
    return args.ret;
  }

  // A command buffer that fills `buffer` with kPattern.
  wire::ObjectId record_fill(wire::ObjectId buffer) {
    const VkCommandPoolCreateInfo pool_info{.sType = VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO};
    wire::ObjectId pool = client.new_id();
    VkCommandPool made{};
    wire::vkCreateCommandPool_args create;
    create.device.id = client.device;
    create.pCreateInfo = &pool_info;
    create.pCommandPool = &made;
    create.pCommandPool_ids = &pool;
    EXPECT_TRUE(client.send(create));

    const VkCommandBufferAllocateInfo allocate_info{.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO,
                                                    .commandPool = as_handle<VkCommandPool>(pool),
                                                    .commandBufferCount = 1};
    wire::ObjectId commands = client.new_id();
    VkCommandBuffer buffer_made{};
    wire::vkAllocateCommandBuffers_args allocate;
    allocate.device.id = client.device;
    allocate.pAllocateInfo = &allocate_info;
    allocate.pCommandBuffers = &buffer_made;
    allocate.pCommandBuffers_ids = &commands;
    EXPECT_TRUE(client.send(allocate));

    const VkCommandBufferBeginInfo begin_info{.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO};
    wire::vkBeginCommandBuffer_args begin;
    begin.commandBuffer.id = commands;
    begin.pBeginInfo = &begin_info;
    EXPECT_TRUE(client.send(begin));
    wire::vkCmdFillBuffer_args fill;
    fill.commandBuffer.id = commands;
    fill.dstBuffer.id = buffer;
    fill.size = VK_WHOLE_SIZE;
    fill.data = kPattern;
    EXPECT_TRUE(client.send(fill));
    wire::vkEndCommandBuffer_args end;
    end.commandBuffer.id = commands;
    EXPECT_TRUE(client.send(end));
    return commands;
  }

  TestClient client;
};

// ---- Memory ----

TEST_F(ContextTest, BlobShowsWhatTheGpuWrites) {
  constexpr VkDeviceSize kSize = 64 * 1024;
  const auto memory = allocate_memory(kSize);
  const auto buffer = create_buffer(kSize);
  ASSERT_EQ(bind(buffer, memory), VK_SUCCESS);
  const auto blob =
      client.context->create_blob({.resource = ResourceId{7}, .blob_flags = 1, .blob_id = memory, .size = kSize});
  ASSERT_TRUE(blob.has_value()) << blob.error().message;
  EXPECT_TRUE(blob->mappable);
  const auto view = platform::Mapping::map(blob->fd.get(), kSize);
  const auto fence = create_fence();
  ASSERT_EQ(submit(0, 0, fence, record_fill(buffer)), VK_SUCCESS);
  ASSERT_EQ(wait_for(fence), VK_SUCCESS);
  for (std::size_t at = 0; at < kSize; at += 4) {
    std::uint32_t word = 0;
    std::memcpy(&word, view->data() + at, 4);
    ASSERT_EQ(word, kPattern) << at;
  }
  // The pages outlive the memory object: the client still has them mapped.
  wire::vkFreeMemory_args free;
  free.device.id = client.device;
  free.memory.id = memory;
  EXPECT_TRUE(client.send(free));
  EXPECT_EQ(static_cast<unsigned>(view->data()[0]), kPattern & 0xff);
}

TEST_F(ContextTest, ImportedBlobSharesItsPages) {
  constexpr VkDeviceSize kSize = 4096;
  const auto memory = allocate_memory(kSize);
  const auto blob =
      client.context->create_blob({.resource = ResourceId{7}, .blob_flags = 7, .blob_id = memory, .size = kSize});
  ASSERT_TRUE(blob.has_value());

  wire::VkMemoryResourcePropertiesMESA properties{.sType = wire::VK_STRUCTURE_TYPE_MEMORY_RESOURCE_PROPERTIES_MESA};
  wire::vkGetMemoryResourcePropertiesMESA_args query;
  query.device.id = client.device;
  query.resourceId = 7;
  query.pMemoryResourceProperties = &properties;
  ASSERT_TRUE(client.call(query));
  ASSERT_EQ(query.ret, VK_SUCCESS);
  ASSERT_NE(query.pMemoryResourceProperties->memoryTypeBits, 0u);

  const wire::VkImportMemoryResourceInfoMESA import{
      .sType = wire::VK_STRUCTURE_TYPE_IMPORT_MEMORY_RESOURCE_INFO_MESA, .pNext = nullptr, .resourceId = 7};
  const VkMemoryAllocateInfo info{
      .sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO,
      .pNext = &import,
      .allocationSize = kSize,
      .memoryTypeIndex = static_cast<std::uint32_t>(std::countr_zero(query.pMemoryResourceProperties->memoryTypeBits))};
  wire::ObjectId imported = client.new_id();
  VkDeviceMemory made{};
  wire::vkAllocateMemory_args allocate;
  allocate.device.id = client.device;
  allocate.pAllocateInfo = &info;
  allocate.pMemory = &made;
  allocate.pMemory_ids = &imported;
  ASSERT_TRUE(client.call(allocate));
  ASSERT_EQ(allocate.ret, VK_SUCCESS);

  const auto buffer = create_buffer(kSize);
  ASSERT_EQ(bind(buffer, imported), VK_SUCCESS);
  const auto fence = create_fence();
  ASSERT_EQ(submit(0, 0, fence, record_fill(buffer)), VK_SUCCESS);
  ASSERT_EQ(wait_for(fence), VK_SUCCESS);
  const auto view = platform::Mapping::map(blob->fd.get(), kSize);
  EXPECT_EQ(static_cast<unsigned>(view->data()[0]), kPattern & 0xff);
}

TEST_F(ContextTest, BlobLargerThanItsMemoryIsRefused) {
  const auto memory = allocate_memory(4096);
  const auto blob =
      client.context->create_blob({.resource = ResourceId{7}, .blob_flags = 1, .blob_id = memory, .size = 1 << 20});
  EXPECT_FALSE(blob.has_value());
  EXPECT_FALSE(client.context->fatal());
}

// ---- Tombstones ----

TEST_F(ContextTest, FailedAllocationLeavesATombstone) {
  const auto memory = allocate_memory(VkDeviceSize{1} << 60);
  const auto buffer = create_buffer(4096);
  EXPECT_LT(bind(buffer, memory), 0);
  EXPECT_FALSE(
      client.context->create_blob({.resource = ResourceId{7}, .blob_flags = 1, .blob_id = memory, .size = 4096}));
  wire::vkFreeMemory_args free;
  free.device.id = client.device;
  free.memory.id = memory;
  EXPECT_TRUE(client.send(free));
  EXPECT_FALSE(client.context->fatal());
  EXPECT_FALSE(client.send(free)) << "The id is gone now, and unknown ids are fatal.";
}

TEST_F(ContextTest, TheRestGoesOnBesideATombstone) {
  const auto memory = allocate_memory(VkDeviceSize{1} << 60);
  EXPECT_LT(bind(create_buffer(4096), memory), 0);
  const auto fence = create_fence();
  EXPECT_EQ(submit(0, 0, fence), VK_SUCCESS) << "What does not name the tombstone goes on.";
  EXPECT_EQ(wait_for(fence), VK_SUCCESS);
}

// ---- Emulated sync_fd ----

TEST_F(ContextTest, ImportedSemaphoreIsWaitedForOnce) {
  const auto semaphore = create_semaphore();
  const auto fence = create_fence();
  const wire::VkImportSemaphoreResourceInfoMESA info{
      .sType = wire::VK_STRUCTURE_TYPE_IMPORT_SEMAPHORE_RESOURCE_INFO_MESA,
      .pNext = nullptr,
      .semaphore = as_handle<VkSemaphore>(semaphore),
      .resourceId = 0};
  wire::vkImportSemaphoreResourceMESA_args import;
  import.device.id = client.device;
  import.pImportSemaphoreResourceInfo = &info;
  ASSERT_TRUE(client.send(import));
  ASSERT_EQ(submit(semaphore, 0, fence), VK_SUCCESS);
  EXPECT_EQ(wait_for(fence), VK_SUCCESS) << "The wait was for a signalled payload.";

  // The permanent payload is untouched and works as before.
  const auto second = create_fence();
  ASSERT_EQ(submit(0, semaphore, 0), VK_SUCCESS);
  ASSERT_EQ(submit(semaphore, 0, second), VK_SUCCESS);
  EXPECT_EQ(wait_for(second), VK_SUCCESS);
}

TEST_F(ContextTest, ImportDoesNotTouchAPendingSignal) {
  const auto semaphore = create_semaphore();
  ASSERT_EQ(submit(0, semaphore, 0), VK_SUCCESS);
  const wire::VkImportSemaphoreResourceInfoMESA info{
      .sType = wire::VK_STRUCTURE_TYPE_IMPORT_SEMAPHORE_RESOURCE_INFO_MESA,
      .pNext = nullptr,
      .semaphore = as_handle<VkSemaphore>(semaphore),
      .resourceId = 0};
  wire::vkImportSemaphoreResourceMESA_args import;
  import.device.id = client.device;
  import.pImportSemaphoreResourceInfo = &info;
  ASSERT_TRUE(client.send(import));
  const auto fence = create_fence();
  ASSERT_EQ(submit(semaphore, 0, 0), VK_SUCCESS);      // takes the temporary payload
  ASSERT_EQ(submit(semaphore, 0, fence), VK_SUCCESS);  // takes the permanent one
  EXPECT_EQ(wait_for(fence), VK_SUCCESS);
}

TEST_F(ContextTest, ExportConsumesTheSignal) {
  const auto semaphore = create_semaphore();
  wire::vkWaitSemaphoreResourceMESA_args consume;
  consume.device.id = client.device;
  consume.semaphore.id = semaphore;
  for (int round = 0; round < 3; ++round) {
    ASSERT_EQ(submit(0, semaphore, 0), VK_SUCCESS);
    ASSERT_TRUE(client.send(consume));
  }
  const auto fence = create_fence();
  ASSERT_EQ(submit(0, 0, fence), VK_SUCCESS);
  EXPECT_EQ(wait_for(fence), VK_SUCCESS);
}

TEST_F(ContextTest, ExportedFenceIsUnsignalledAndUsableAgain) {
  const auto fence = create_fence();
  wire::vkResetFenceResourceMESA_args reset;
  reset.device.id = client.device;
  reset.fence.id = fence;
  for (int round = 0; round < 3; ++round) {
    ASSERT_EQ(submit(0, 0, fence), VK_SUCCESS);
    ASSERT_TRUE(client.send(reset));  // perhaps still pending
    EXPECT_EQ(status_of(fence), VK_NOT_READY);
    EXPECT_EQ(wait_for(fence, 1000), VK_TIMEOUT);
  }
  ASSERT_EQ(submit(0, 0, fence), VK_SUCCESS);
  EXPECT_EQ(wait_for(fence), VK_SUCCESS);
}

// ---- Private data ----

TEST_F(ContextTest, PrivateDataBelongsToTheClientsObject) {
  const VkPrivateDataSlotCreateInfo info{.sType = VK_STRUCTURE_TYPE_PRIVATE_DATA_SLOT_CREATE_INFO};
  wire::ObjectId slot = client.new_id();
  VkPrivateDataSlot made{};
  wire::vkCreatePrivateDataSlot_args create;
  create.device.id = client.device;
  create.pCreateInfo = &info;
  create.pPrivateDataSlot = &made;
  create.pPrivateDataSlot_ids = &slot;
  ASSERT_TRUE(client.call(create));
  ASSERT_EQ(create.ret, VK_SUCCESS);

  const auto fence = create_fence();
  wire::vkSetPrivateData_args set;
  set.device.id = client.device;
  set.objectType = VK_OBJECT_TYPE_FENCE;
  set.objectHandle = fence;
  set.privateDataSlot.id = slot;
  set.data = 77;
  ASSERT_TRUE(client.call(set));
  ASSERT_EQ(set.ret, VK_SUCCESS);

  wire::vkGetPrivateData_args get;
  std::uint64_t data = 0;
  get.device.id = client.device;
  get.objectType = VK_OBJECT_TYPE_FENCE;
  get.objectHandle = fence;
  get.privateDataSlot.id = slot;
  get.pData = &data;
  ASSERT_TRUE(client.call(get));
  EXPECT_EQ(*get.pData, 77u);

  set.objectType = VK_OBJECT_TYPE_BUFFER;
  EXPECT_FALSE(client.send(set)) << "The id names a fence.";
}

// ---- Timelines ----

TEST_F(ContextTest, FencesOfATimelineCompleteInOrder) {
  std::atomic<int> done{0};
  std::atomic<bool> in_order{true};
  for (int i = 0; i < 50; ++i) {
    ASSERT_EQ(submit(0, 0, 0), VK_SUCCESS);
    client.context->submit_fence(1, [&, i] {
      if (done.fetch_add(1) != i) in_order = false;
    });
  }
  for (int i = 0; i < 5000 && done.load() != 50; ++i) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  EXPECT_EQ(done.load(), 50);
  EXPECT_TRUE(in_order.load());
}

TEST_F(ContextTest, UnboundAndCpuTimelinesAreDoneAtOnce) {
  for (const std::uint32_t ring_idx : {0u, 2u, 63u, 64u, ~0u}) {
    bool done = false;
    client.context->submit_fence(ring_idx, [&] { done = true; });
    EXPECT_TRUE(done) << ring_idx;
  }
}

TEST_F(ContextTest, ASecondQueueIdIsRefused) {
  const wire::VkDeviceQueueTimelineInfoMESA timeline{
      .sType = wire::VK_STRUCTURE_TYPE_DEVICE_QUEUE_TIMELINE_INFO_MESA, .pNext = nullptr, .ringIdx = 2};
  const VkDeviceQueueInfo2 info{.sType = VK_STRUCTURE_TYPE_DEVICE_QUEUE_INFO_2, .pNext = &timeline};
  wire::ObjectId id = client.new_id();
  VkQueue got{};
  wire::vkGetDeviceQueue2_args args;
  args.device.id = client.device;
  args.pQueueInfo = &info;
  args.pQueue = &got;
  args.pQueue_ids = &id;
  EXPECT_FALSE(client.send(args));
  EXPECT_TRUE(client.context->fatal());
}

// ---- The end of things ----

TEST_F(ContextTest, ADeviceMayNameWhatTheGuestImplements) {
  EXPECT_EQ(create_device_with("VK_KHR_deferred_host_operations"), VK_SUCCESS);
  EXPECT_EQ(create_device_with("VK_KHR_no_such_thing"), VK_ERROR_EXTENSION_NOT_PRESENT);
}

// Lavapipe of Mesa 25.0 binds sparse resources to the worker's standard input instead of imported memory. Elsewhere the
// test only sees that the answers agree.
TEST_F(ContextTest, SparseBindingIsOfferedWholeOrNotAtAll) {
  VkPhysicalDeviceProperties2 properties{.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2};
  wire::vkGetPhysicalDeviceProperties2_args get_properties;
  get_properties.physicalDevice.id = client.physical_device;
  get_properties.pProperties = &properties;
  ASSERT_TRUE(client.call(get_properties));

  VkPhysicalDeviceFeatures2 features{.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2};
  wire::vkGetPhysicalDeviceFeatures2_args get_features;
  get_features.physicalDevice.id = client.physical_device;
  get_features.pFeatures = &features;
  ASSERT_TRUE(client.call(get_features));

  std::uint32_t count = 8;
  std::vector<VkQueueFamilyProperties2> families(count, {.sType = VK_STRUCTURE_TYPE_QUEUE_FAMILY_PROPERTIES_2});
  wire::vkGetPhysicalDeviceQueueFamilyProperties2_args get_families;
  get_families.physicalDevice.id = client.physical_device;
  get_families.pQueueFamilyPropertyCount = &count;
  get_families.pQueueFamilyProperties = families.data();
  ASSERT_TRUE(client.call(get_families));

  const bool offered = features.features.sparseBinding == VK_TRUE;
  EXPECT_EQ(properties.properties.limits.sparseAddressSpaceSize != 0, offered);
  EXPECT_EQ(std::ranges::any_of(families,
                                [](const auto& family) {
                                  return (family.queueFamilyProperties.queueFlags & VK_QUEUE_SPARSE_BINDING_BIT) != 0;
                                }),
            offered);
  const std::string_view name = properties.properties.deviceName;
  if (name.starts_with("llvmpipe")) {
    EXPECT_FALSE(offered);
  }
  if (offered) return;
  EXPECT_EQ(features.features.sparseResidencyBuffer, VK_FALSE);
  EXPECT_EQ(features.features.sparseResidencyImage2D, VK_FALSE);
  wire::vkQueueBindSparse_args bind;
  bind.queue.id = client.queue;
  EXPECT_FALSE(client.send(bind)) << "A client that does not ask may not bind either.";
}

TEST_F(ContextTest, DeviceGoesWithWhatIsLeft) {
  allocate_memory(4096);
  record_fill(create_buffer(4096));
  create_fence();
  create_semaphore();
  wire::vkDestroyDevice_args destroy_device;
  destroy_device.device.id = client.device;
  EXPECT_TRUE(client.send(destroy_device));
  wire::vkDestroyInstance_args destroy_instance;
  destroy_instance.instance.id = client.instance;
  EXPECT_TRUE(client.send(destroy_instance));
  EXPECT_FALSE(client.send(destroy_device)) << "Its id is gone.";
}

TEST_F(ContextTest, AnInstanceTakesTheIdsOfItsDevicesAlong) {
  const auto fence = create_fence();
  wire::vkDestroyInstance_args destroy;
  destroy.instance.id = client.instance;
  ASSERT_TRUE(client.send(destroy));
  wire::vkDestroyFence_args use;
  use.device.id = client.device;
  use.fence.id = fence;
  EXPECT_FALSE(client.send(use)) << "The device is gone, so its id must be unknown.";
}

TEST(ContextEnd, AContextMayEndAtAnyPoint) {
  TestClient client;
  ASSERT_TRUE(client.start());
  client.context->submit_fence(1, [] {});
  client.context.reset();
}

// ---- Malformed streams ----

std::vector<std::byte> words(std::initializer_list<std::uint32_t> values) {
  std::vector<std::byte> bytes(values.size() * 4);
  std::memcpy(bytes.data(), values.begin(), bytes.size());
  return bytes;
}

struct BadStream {
  const char* name;
  std::function<std::vector<std::byte>(TestClient&)> bytes;
};

const BadStream kBadStreams[] = {
    {"a type out of range", [](TestClient&) { return words({346, 0}); }},
    {"a type far out of range", [](TestClient&) { return words({0xffffffff, 0}); }},
    {"a type that is never answered", [](TestClient&) { return words({19, 0, 1, 0}); }},
    {"half a header", [](TestClient&) { return words({1}); }},
    {"a command without its parameters", [](TestClient&) { return words({50, 0}); }},
    {"a required object that is 0", [](TestClient&) { return TestClient::encode(wire::vkEndCommandBuffer_args{}); }},
    {"an unknown object", [](TestClient&) { return words({12, 0, 9999, 0, 0, 0}); }},
    {"an object of another type",
     [](TestClient& c) { return words({12, 0, static_cast<std::uint32_t>(c.queue), 0, 0, 0}); }},
    {"a new object with an id in use",
     [](TestClient& c) {
       const VkFenceCreateInfo info{.sType = VK_STRUCTURE_TYPE_FENCE_CREATE_INFO};
       VkFence made{};
       wire::vkCreateFence_args args;
       args.device.id = c.device;
       args.pCreateInfo = &info;
       args.pFence = &made;
       args.pFence_ids = &c.queue;
       return TestClient::encode(args);
     }},
    {"a reply stream outside its resource",
     [](TestClient&) {
       const wire::VkCommandStreamDescriptionMESA where{.resourceId = 1, .offset = 8, .size = TestClient::kReplySize};
       wire::vkSetReplyCommandStreamMESA_args args;
       args.pStream = &where;
       return TestClient::encode(args);
     }},
    {"a reply stream that overflows",
     [](TestClient&) {
       const wire::VkCommandStreamDescriptionMESA where{.resourceId = 1, .offset = SIZE_MAX - 3, .size = 8};
       wire::vkSetReplyCommandStreamMESA_args args;
       args.pStream = &where;
       return TestClient::encode(args);
     }},
    {"nested streams of an unknown resource",
     [](TestClient&) {
       const wire::VkCommandStreamDescriptionMESA stream{.resourceId = 99, .offset = 0, .size = 8};
       wire::vkExecuteCommandStreamsMESA_args args;
       args.streamCount = 1;
       args.pStreams = &stream;
       return TestClient::encode(args);
     }},
    {"an unknown ring",
     [](TestClient&) {
       wire::vkNotifyRingMESA_args args;
       args.ring = 5;
       return TestClient::encode(args);
     }},
    {"a ring's command on the context stream",
     [](TestClient&) {
       wire::vkWaitVirtqueueSeqnoMESA_args args;
       args.seqno = 1;
       return TestClient::encode(args);
     }},
};

TEST(ContextMalformed, EndsItsOwnContextOnly) {
  TestClient neighbour;
  ASSERT_TRUE(neighbour.start());
  for (const BadStream& bad : kBadStreams) {
    TestClient client;
    ASSERT_TRUE(client.start()) << bad.name;
    EXPECT_FALSE(client.context->submit(bad.bytes(client))) << bad.name;
    EXPECT_TRUE(client.context->fatal()) << bad.name;
    wire::vkNotifyRingMESA_args harmless;
    EXPECT_FALSE(client.send(harmless)) << bad.name << ": it stays lost";
  }
  wire::vkGetPhysicalDeviceProperties_args args;
  VkPhysicalDeviceProperties properties{};
  args.physicalDevice.id = neighbour.physical_device;
  args.pProperties = &properties;
  EXPECT_TRUE(neighbour.call(args));
}

TEST(ContextNested, StreamsRunInOrderAndDoNotNestTwice) {
  TestClient client;
  ASSERT_TRUE(client.start());
  const auto memory = client.shmem(ResourceId{2}, 4096);
  wire::vkSeekReplyCommandStreamMESA_args seek;
  seek.position = 16;
  const auto inner = TestClient::encode(seek);
  std::memcpy(memory.data(), inner.data(), inner.size());
  const wire::VkCommandStreamDescriptionMESA stream{.resourceId = 2, .offset = 0, .size = inner.size()};
  wire::vkExecuteCommandStreamsMESA_args execute;
  execute.streamCount = 1;
  execute.pStreams = &stream;
  EXPECT_TRUE(client.send(execute));

  const auto again = TestClient::encode(execute);
  std::memcpy(memory.data(), again.data(), again.size());
  const wire::VkCommandStreamDescriptionMESA nested{.resourceId = 2, .offset = 0, .size = again.size()};
  execute.pStreams = &nested;
  EXPECT_FALSE(client.send(execute));
}

}  // namespace
}  // namespace hesper::render::test
