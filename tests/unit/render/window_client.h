// WindowClient: a client of a door that owns its memory, and what it does with it. On top of TestClient.
#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <bit>
#include <functional>
#include <memory>

#include "render/client_context.h"
#include "test_client.h"

namespace hesper::render::test {

inline constexpr std::uint64_t kReplyBytes = 65536;    // at the window's start
inline constexpr std::uint32_t kPattern = 0x5a17c0de;  // what submit_fill() fills with

// A client of a door with a window, and what it does with memory.
class WindowClient : public TestClient {
 public:
  WindowClient(std::unique_ptr<Context> with, const TestWindow& window, std::uint64_t replies = 0)
      : TestClient(std::move(with), window, replies, kReplyBytes) {
    if (!start()) throw std::runtime_error("The client does not start.");
  }

  // The first memory type that the resource can be imported into; 0 on the fake.
  std::uint32_t type_for(ResourceId resource) {
    wire::VkMemoryResourcePropertiesMESA properties{.sType = wire::VK_STRUCTURE_TYPE_MEMORY_RESOURCE_PROPERTIES_MESA};
    wire::vkGetMemoryResourcePropertiesMESA_args args;
    args.device.id = device;
    args.resourceId = std::to_underlying(resource);
    args.pMemoryResourceProperties = &properties;
    EXPECT_TRUE(call(args));
    EXPECT_EQ(args.ret, VK_SUCCESS);
    EXPECT_NE(args.pMemoryResourceProperties->memoryTypeBits, 0u);
    return static_cast<std::uint32_t>(std::countr_zero(args.pMemoryResourceProperties->memoryTypeBits));
  }
  // 0: refused; its tombstone is freed.
  wire::ObjectId import(ResourceId resource, VkDeviceSize size, std::uint32_t type = 0, const void* chain = nullptr) {
    const wire::VkImportMemoryResourceInfoMESA link{.sType = wire::VK_STRUCTURE_TYPE_IMPORT_MEMORY_RESOURCE_INFO_MESA,
                                                    .pNext = chain,
                                                    .resourceId = std::to_underlying(resource)};
    return allocate(size, type, &link);
  }
  wire::ObjectId allocate(VkDeviceSize size, std::uint32_t type, const void* chain) {
    const VkMemoryAllocateInfo info{.sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO,
                                    .pNext = chain,
                                    .allocationSize = size,
                                    .memoryTypeIndex = type};
    wire::ObjectId id = new_id();
    VkDeviceMemory made{};
    wire::vkAllocateMemory_args args;
    args.device.id = device;
    args.pAllocateInfo = &info;
    args.pMemory = &made;
    args.pMemory_ids = &id;
    EXPECT_TRUE(call(args));
    if (args.ret == VK_SUCCESS) return id;
    free(id);
    return 0;
  }
  void free(wire::ObjectId memory) {
    wire::vkFreeMemory_args args;
    args.device.id = device;
    args.memory.id = memory;
    EXPECT_TRUE(send(args));
  }

  wire::ObjectId create_buffer(VkDeviceSize size, VkBufferCreateFlags flags = 0) {
    const VkBufferCreateInfo info{.sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO,
                                  .flags = flags,
                                  .size = size,
                                  .usage = VK_BUFFER_USAGE_TRANSFER_DST_BIT};
    wire::ObjectId id = new_id();
    VkBuffer made{};
    wire::vkCreateBuffer_args args;
    args.device.id = device;
    args.pCreateInfo = &info;
    args.pBuffer = &made;
    args.pBuffer_ids = &id;
    EXPECT_TRUE(send(args));
    return id;
  }
  wire::ObjectId create_image() {
    const VkImageCreateInfo info{.sType = VK_STRUCTURE_TYPE_IMAGE_CREATE_INFO,
                                 .imageType = VK_IMAGE_TYPE_2D,
                                 .format = VK_FORMAT_R8G8B8A8_UNORM,
                                 .extent = {.width = 16, .height = 16, .depth = 1},
                                 .mipLevels = 1,
                                 .arrayLayers = 1,
                                 .samples = VK_SAMPLE_COUNT_1_BIT,
                                 .usage = VK_IMAGE_USAGE_TRANSFER_DST_BIT};
    wire::ObjectId id = new_id();
    VkImage made{};
    wire::vkCreateImage_args args;
    args.device.id = device;
    args.pCreateInfo = &info;
    args.pImage = &made;
    args.pImage_ids = &id;
    EXPECT_TRUE(send(args));
    return id;
  }

  VkResult bind_buffer(wire::ObjectId buffer, wire::ObjectId memory, VkDeviceSize offset) {
    wire::vkBindBufferMemory_args args;
    args.device.id = device;
    args.buffer.id = buffer;
    args.memory.id = memory;
    args.memoryOffset = offset;
    EXPECT_TRUE(call(args));
    return args.ret;
  }
  VkResult bind_image(wire::ObjectId image, wire::ObjectId memory, VkDeviceSize offset) {
    wire::vkBindImageMemory_args args;
    args.device.id = device;
    args.image.id = image;
    args.memory.id = memory;
    args.memoryOffset = offset;
    EXPECT_TRUE(call(args));
    return args.ret;
  }

  // Records and submits; with_fence: and waits for it.
  void submit_fill(wire::ObjectId buffer, bool with_fence = true) {
    const VkCommandPoolCreateInfo pool_info{.sType = VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO};
    wire::ObjectId pool = new_id();
    VkCommandPool pool_made{};
    wire::vkCreateCommandPool_args create_pool;
    create_pool.device.id = device;
    create_pool.pCreateInfo = &pool_info;
    create_pool.pCommandPool = &pool_made;
    create_pool.pCommandPool_ids = &pool;
    ASSERT_TRUE(send(create_pool));
    const VkCommandBufferAllocateInfo allocate_info{.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO,
                                                    .commandPool = as_handle<VkCommandPool>(pool),
                                                    .commandBufferCount = 1};
    wire::ObjectId commands = new_id();
    VkCommandBuffer commands_made{};
    wire::vkAllocateCommandBuffers_args allocate_commands;
    allocate_commands.device.id = device;
    allocate_commands.pAllocateInfo = &allocate_info;
    allocate_commands.pCommandBuffers = &commands_made;
    allocate_commands.pCommandBuffers_ids = &commands;
    ASSERT_TRUE(send(allocate_commands));
    const VkCommandBufferBeginInfo begin_info{.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO};
    wire::vkBeginCommandBuffer_args begin;
    begin.commandBuffer.id = commands;
    begin.pBeginInfo = &begin_info;
    ASSERT_TRUE(send(begin));
    wire::vkCmdFillBuffer_args fill;
    fill.commandBuffer.id = commands;
    fill.dstBuffer.id = buffer;
    fill.size = VK_WHOLE_SIZE;
    fill.data = kPattern;
    ASSERT_TRUE(send(fill));
    wire::vkEndCommandBuffer_args end;
    end.commandBuffer.id = commands;
    ASSERT_TRUE(send(end));

    wire::ObjectId fence = 0;
    if (with_fence) {
      fence = new_id();
      const VkFenceCreateInfo fence_info{.sType = VK_STRUCTURE_TYPE_FENCE_CREATE_INFO};
      VkFence fence_made{};
      wire::vkCreateFence_args create_fence;
      create_fence.device.id = device;
      create_fence.pCreateInfo = &fence_info;
      create_fence.pFence = &fence_made;
      create_fence.pFence_ids = &fence;
      ASSERT_TRUE(send(create_fence));
    }
    const auto commands_handle = as_handle<VkCommandBuffer>(commands);
    const VkSubmitInfo submit_info{
        .sType = VK_STRUCTURE_TYPE_SUBMIT_INFO, .commandBufferCount = 1, .pCommandBuffers = &commands_handle};
    wire::vkQueueSubmit_args submit;
    submit.queue.id = queue;
    submit.submitCount = 1;
    submit.pSubmits = &submit_info;
    submit.fence.id = fence;
    ASSERT_TRUE(call(submit));
    ASSERT_EQ(submit.ret, VK_SUCCESS);
    if (!with_fence) return;
    const auto fence_handle = as_handle<VkFence>(fence);
    wire::vkWaitForFences_args wait;
    wait.device.id = device;
    wait.fenceCount = 1;
    wait.pFences = &fence_handle;
    wait.pFences_ids = &fence;
    wait.timeout = UINT64_MAX;
    ASSERT_TRUE(call(wait));
    ASSERT_EQ(wait.ret, VK_SUCCESS);
  }

  void attach(ResourceId resource, const SharedRange& range) {
    const auto attached = context->attach_resource(resource, range);
    ASSERT_TRUE(attached) << attached.error().message;
  }
  // The result counts how often it was released.
  std::shared_ptr<std::atomic<int>> detach(ResourceId resource) {
    auto released = std::make_shared<std::atomic<int>>(0);
    context->detach_resource(resource, [released] { ++*released; });
    return released;
  }
};

}  // namespace hesper::render::test
