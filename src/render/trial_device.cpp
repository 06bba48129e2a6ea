// TrialDevice: creation, and the pieces of work.
#include "render/trial_device.h"

#include <algorithm>

#include "render/made.h"

namespace hesper::render {
namespace {

constexpr std::uint64_t kPatience = 10'000'000'000;  // ns; a GPU that takes longer for so little counts as hung

}  // namespace

TrialDevice::TrialDevice(const InstanceProcs& instance, VkPhysicalDevice physical,
                         const std::vector<const char*>& extensions) {
  std::uint32_t count = 0;
  instance.vkGetPhysicalDeviceQueueFamilyProperties(physical, &count, nullptr);
  std::vector<VkQueueFamilyProperties> families(count);
  instance.vkGetPhysicalDeviceQueueFamilyProperties(physical, &count, families.data());
  const auto with = [&](VkQueueFlags flag) {
    return std::ranges::find_if(families,
                                [&](const auto& f) { return f.queueCount != 0 && (f.queueFlags & flag) != 0; });
  };
  auto family = with(VK_QUEUE_GRAPHICS_BIT);
  renders = family != families.end();
  if (!renders) family = with(VK_QUEUE_COMPUTE_BIT);
  if (family == families.end()) {
    result = VK_ERROR_INITIALIZATION_FAILED;
    return;
  }
  VkPhysicalDeviceFeatures offered{};
  instance.vkGetPhysicalDeviceFeatures(physical, &offered);
  binds_sparse = offered.sparseBinding == VK_TRUE && (family->queueFlags & VK_QUEUE_SPARSE_BINDING_BIT) != 0;
  const VkPhysicalDeviceFeatures features{.sparseBinding = binds_sparse ? VK_TRUE : VK_FALSE};
  const float priority = 1.0F;
  const VkDeviceQueueCreateInfo queue_info{.sType = VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO,
                                           .queueFamilyIndex = static_cast<std::uint32_t>(family - families.begin()),
                                           .queueCount = 1,
                                           .pQueuePriorities = &priority};
  const VkDeviceCreateInfo info{.sType = VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO,
                                .queueCreateInfoCount = 1,
                                .pQueueCreateInfos = &queue_info,
                                .enabledExtensionCount = static_cast<std::uint32_t>(extensions.size()),
                                .ppEnabledExtensionNames = extensions.data(),
                                .pEnabledFeatures = &features};
  result = made(instance.vkCreateDevice(physical, &info, nullptr, &device), device);
  if (result != VK_SUCCESS) return;
  load(vk, instance.vkGetDeviceProcAddr, device);
  vk.vkGetDeviceQueue(device, queue_info.queueFamilyIndex, 0, &queue_);
  const VkCommandPoolCreateInfo pool_info{.sType = VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO,
                                          .queueFamilyIndex = queue_info.queueFamilyIndex};
  result = made(vk.vkCreateCommandPool(device, &pool_info, nullptr, &pool_), pool_);
  const VkFenceCreateInfo fence_info{.sType = VK_STRUCTURE_TYPE_FENCE_CREATE_INFO};
  if (result == VK_SUCCESS) result = made(vk.vkCreateFence(device, &fence_info, nullptr, &fence_), fence_);
}

TrialDevice::~TrialDevice() {
  if (device == VK_NULL_HANDLE) return;
  vk.vkDeviceWaitIdle(device);
  vk.vkDestroyFramebuffer(device, framebuffer_, nullptr);
  vk.vkDestroyRenderPass(device, render_pass_, nullptr);
  vk.vkDestroyImageView(device, view_, nullptr);
  vk.vkDestroyImage(device, image_, nullptr);
  vk.vkDestroyBuffer(device, buffer_, nullptr);
  vk.vkDestroyBuffer(device, sparse_buffer_, nullptr);
  vk.vkFreeMemory(device, memory, nullptr);
  vk.vkDestroyFence(device, fence_, nullptr);
  vk.vkDestroyCommandPool(device, pool_, nullptr);
  vk.vkDestroyDevice(device, nullptr);
}

VkResult TrialDevice::make_buffer(VkDeviceSize size, VkExternalMemoryHandleTypeFlags external,
                                  VkMemoryRequirements& requirements) {
  const VkExternalMemoryBufferCreateInfo external_info{.sType = VK_STRUCTURE_TYPE_EXTERNAL_MEMORY_BUFFER_CREATE_INFO,
                                                       .handleTypes = external};
  const VkBufferCreateInfo info{.sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO,
                                .pNext = external != 0 ? &external_info : nullptr,
                                .size = size,
                                .usage = VK_BUFFER_USAGE_TRANSFER_DST_BIT};
  const VkResult created = made(vk.vkCreateBuffer(device, &info, nullptr, &buffer_), buffer_);
  if (created == VK_SUCCESS) vk.vkGetBufferMemoryRequirements(device, buffer_, &requirements);
  return created;
}

VkResult TrialDevice::fill(VkDeviceSize offset, std::uint32_t pattern) {
  const VkResult bound = vk.vkBindBufferMemory(device, buffer_, memory, offset);
  if (bound != VK_SUCCESS) return bound;
  return fill_again(pattern);
}

VkResult TrialDevice::fill_again(std::uint32_t pattern) {
  return run([&](VkCommandBuffer commands) { vk.vkCmdFillBuffer(commands, buffer_, 0, VK_WHOLE_SIZE, pattern); });
}

VkResult TrialDevice::make_sparse_buffer(VkDeviceSize size, VkExternalMemoryHandleTypeFlags external,
                                         VkMemoryRequirements& requirements) {
  const VkExternalMemoryBufferCreateInfo external_info{.sType = VK_STRUCTURE_TYPE_EXTERNAL_MEMORY_BUFFER_CREATE_INFO,
                                                       .handleTypes = external};
  const VkBufferCreateInfo info{.sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO,
                                .pNext = external != 0 ? &external_info : nullptr,
                                .flags = VK_BUFFER_CREATE_SPARSE_BINDING_BIT,
                                .size = size,
                                .usage = VK_BUFFER_USAGE_TRANSFER_DST_BIT};
  const VkResult created = made(vk.vkCreateBuffer(device, &info, nullptr, &sparse_buffer_), sparse_buffer_);
  if (created != VK_SUCCESS) return created;
  vk.vkGetBufferMemoryRequirements(device, sparse_buffer_, &requirements);
  sparse_size_ = requirements.size;
  return VK_SUCCESS;
}

VkResult TrialDevice::fill_sparse(VkDeviceSize offset, std::uint32_t pattern) {
  const VkSparseMemoryBind all{.resourceOffset = 0, .size = sparse_size_, .memory = memory, .memoryOffset = offset};
  const VkSparseBufferMemoryBindInfo bind{.buffer = sparse_buffer_, .bindCount = 1, .pBinds = &all};
  const VkBindSparseInfo info{.sType = VK_STRUCTURE_TYPE_BIND_SPARSE_INFO, .bufferBindCount = 1, .pBufferBinds = &bind};
  VkResult r = vk.vkResetFences(device, 1, &fence_);
  if (r == VK_SUCCESS) r = vk.vkQueueBindSparse(queue_, 1, &info, fence_);
  if (r == VK_SUCCESS) r = vk.vkWaitForFences(device, 1, &fence_, VK_TRUE, kPatience);
  if (r != VK_SUCCESS) return r;
  return run(
      [&](VkCommandBuffer commands) { vk.vkCmdFillBuffer(commands, sparse_buffer_, 0, VK_WHOLE_SIZE, pattern); });
}

VkResult TrialDevice::make_image(VkExternalMemoryHandleTypeFlags external, VkMemoryRequirements& requirements,
                                 VkSubresourceLayout& layout) {
  const VkExternalMemoryImageCreateInfo external_info{.sType = VK_STRUCTURE_TYPE_EXTERNAL_MEMORY_IMAGE_CREATE_INFO,
                                                      .handleTypes = external};
  const VkImageCreateInfo info{.sType = VK_STRUCTURE_TYPE_IMAGE_CREATE_INFO,
                               .pNext = external != 0 ? &external_info : nullptr,
                               .imageType = VK_IMAGE_TYPE_2D,
                               .format = kFormat,
                               .extent = {.width = kImageSize, .height = kImageSize, .depth = 1},
                               .mipLevels = 1,
                               .arrayLayers = 1,
                               .samples = VK_SAMPLE_COUNT_1_BIT,
                               .tiling = VK_IMAGE_TILING_LINEAR,
                               .usage = VK_IMAGE_USAGE_COLOR_ATTACHMENT_BIT};
  const VkResult created = made(vk.vkCreateImage(device, &info, nullptr, &image_), image_);
  if (created != VK_SUCCESS) return created;
  vk.vkGetImageMemoryRequirements(device, image_, &requirements);
  const VkImageSubresource subresource{.aspectMask = VK_IMAGE_ASPECT_COLOR_BIT};
  vk.vkGetImageSubresourceLayout(device, image_, &subresource, &layout);
  return VK_SUCCESS;
}

VkResult TrialDevice::render_red(VkDeviceSize offset) {
  VkResult r = vk.vkBindImageMemory(device, image_, memory, offset);
  if (r != VK_SUCCESS) return r;
  const VkImageViewCreateInfo view_info{
      .sType = VK_STRUCTURE_TYPE_IMAGE_VIEW_CREATE_INFO,
      .image = image_,
      .viewType = VK_IMAGE_VIEW_TYPE_2D,
      .format = kFormat,
      .subresourceRange = {.aspectMask = VK_IMAGE_ASPECT_COLOR_BIT, .levelCount = 1, .layerCount = 1}};
  r = made(vk.vkCreateImageView(device, &view_info, nullptr, &view_), view_);
  if (r != VK_SUCCESS) return r;
  const VkAttachmentDescription attachment{.format = kFormat,
                                           .samples = VK_SAMPLE_COUNT_1_BIT,
                                           .loadOp = VK_ATTACHMENT_LOAD_OP_CLEAR,
                                           .storeOp = VK_ATTACHMENT_STORE_OP_STORE,
                                           .initialLayout = VK_IMAGE_LAYOUT_UNDEFINED,
                                           .finalLayout = VK_IMAGE_LAYOUT_GENERAL};
  const VkAttachmentReference color{.attachment = 0, .layout = VK_IMAGE_LAYOUT_COLOR_ATTACHMENT_OPTIMAL};
  const VkSubpassDescription subpass{
      .pipelineBindPoint = VK_PIPELINE_BIND_POINT_GRAPHICS, .colorAttachmentCount = 1, .pColorAttachments = &color};
  const VkRenderPassCreateInfo pass_info{.sType = VK_STRUCTURE_TYPE_RENDER_PASS_CREATE_INFO,
                                         .attachmentCount = 1,
                                         .pAttachments = &attachment,
                                         .subpassCount = 1,
                                         .pSubpasses = &subpass};
  r = made(vk.vkCreateRenderPass(device, &pass_info, nullptr, &render_pass_), render_pass_);
  if (r != VK_SUCCESS) return r;
  const VkFramebufferCreateInfo framebuffer_info{.sType = VK_STRUCTURE_TYPE_FRAMEBUFFER_CREATE_INFO,
                                                 .renderPass = render_pass_,
                                                 .attachmentCount = 1,
                                                 .pAttachments = &view_,
                                                 .width = kImageSize,
                                                 .height = kImageSize,
                                                 .layers = 1};
  r = made(vk.vkCreateFramebuffer(device, &framebuffer_info, nullptr, &framebuffer_), framebuffer_);
  if (r != VK_SUCCESS) return r;
  const VkClearValue red{.color = {.float32 = {1.0F, 0.0F, 0.0F, 1.0F}}};
  const VkRenderPassBeginInfo begin{.sType = VK_STRUCTURE_TYPE_RENDER_PASS_BEGIN_INFO,
                                    .renderPass = render_pass_,
                                    .framebuffer = framebuffer_,
                                    .renderArea = {.extent = {.width = kImageSize, .height = kImageSize}},
                                    .clearValueCount = 1,
                                    .pClearValues = &red};
  return run([&](VkCommandBuffer commands) {
    vk.vkCmdBeginRenderPass(commands, &begin, VK_SUBPASS_CONTENTS_INLINE);
    vk.vkCmdEndRenderPass(commands);
  });
}

VkResult TrialDevice::run(const std::function<void(VkCommandBuffer)>& record) {
  const VkCommandBufferAllocateInfo allocate_info{.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO,
                                                  .commandPool = pool_,
                                                  .level = VK_COMMAND_BUFFER_LEVEL_PRIMARY,
                                                  .commandBufferCount = 1};
  VkCommandBuffer commands = VK_NULL_HANDLE;
  VkResult r = vk.vkAllocateCommandBuffers(device, &allocate_info, &commands);
  if (r != VK_SUCCESS) return r;
  const VkCommandBufferBeginInfo begin_info{.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO};
  r = vk.vkBeginCommandBuffer(commands, &begin_info);
  if (r != VK_SUCCESS) return r;
  record(commands);
  r = vk.vkEndCommandBuffer(commands);
  if (r != VK_SUCCESS) return r;
  const VkSubmitInfo submit{
      .sType = VK_STRUCTURE_TYPE_SUBMIT_INFO, .commandBufferCount = 1, .pCommandBuffers = &commands};
  r = vk.vkResetFences(device, 1, &fence_);
  if (r == VK_SUCCESS) r = vk.vkQueueSubmit(queue_, 1, &submit, fence_);
  return r == VK_SUCCESS ? vk.vkWaitForFences(device, 1, &fence_, VK_TRUE, kPatience) : r;
}

}  // namespace hesper::render
