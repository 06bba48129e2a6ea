// VulkanDevice: the device that draws in one window, of those that can show on its surface the best one, and its
// memory.
#pragma once

#include <fmt/format.h>
#include <vulkan/vulkan.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>

#include "base/error.h"
#include "screen/window/vulkan_instance.h"

namespace hesper::screen::window {

#define HESPER_WINDOW_DEVICE_FUNCTIONS(X) \
  X(vkDestroyDevice)                      \
  X(vkDeviceWaitIdle)                     \
  X(vkGetDeviceQueue)                     \
  X(vkQueueSubmit)                        \
  X(vkQueuePresentKHR)                    \
  X(vkCreateSwapchainKHR)                 \
  X(vkDestroySwapchainKHR)                \
  X(vkGetSwapchainImagesKHR)              \
  X(vkAcquireNextImageKHR)                \
  X(vkCreateSemaphore)                    \
  X(vkDestroySemaphore)                   \
  X(vkCreateFence)                        \
  X(vkDestroyFence)                       \
  X(vkWaitForFences)                      \
  X(vkResetFences)                        \
  X(vkCreateCommandPool)                  \
  X(vkDestroyCommandPool)                 \
  X(vkAllocateCommandBuffers)             \
  X(vkBeginCommandBuffer)                 \
  X(vkEndCommandBuffer)                   \
  X(vkCmdPipelineBarrier)                 \
  X(vkCmdCopyBufferToImage)               \
  X(vkCmdClearColorImage)                 \
  X(vkCmdBlitImage)                       \
  X(vkCreateImage)                        \
  X(vkDestroyImage)                       \
  X(vkGetImageMemoryRequirements)         \
  X(vkBindImageMemory)                    \
  X(vkCreateBuffer)                       \
  X(vkDestroyBuffer)                      \
  X(vkGetBufferMemoryRequirements)        \
  X(vkBindBufferMemory)                   \
  X(vkAllocateMemory)                     \
  X(vkFreeMemory)                         \
  X(vkMapMemory)

struct DeviceFunctions {
#define X(name) PFN_##name name = nullptr;
  HESPER_WINDOW_DEVICE_FUNCTIONS(X)
#undef X
  PFN_vkGetMemoryHostPointerPropertiesEXT vkGetMemoryHostPointerPropertiesEXT = nullptr;  // nullptr: no import
};

// The thread that uses SDL. Goes after all that was made with it, and before its surface.
class VulkanDevice {
 public:
  struct Buffer {
    VkBuffer buffer = VK_NULL_HANDLE;
    VkDeviceMemory memory = VK_NULL_HANDLE;
    std::byte* mapped = nullptr;
    std::uint64_t size = 0;
  };
  // instance: borrowed for the device's life. Errors: none can show on the surface.
  [[nodiscard]] static Result<std::unique_ptr<VulkanDevice>> open(const VulkanInstance& instance, VkSurfaceKHR surface);
  VulkanDevice(const VulkanDevice&) = delete;
  VulkanDevice& operator=(const VulkanDevice&) = delete;
  ~VulkanDevice();

  [[nodiscard]] const InstanceFunctions& instance() const noexcept { return instance_.vk(); }
  [[nodiscard]] const DeviceFunctions& vk() const noexcept { return vk_; }
  [[nodiscard]] VkDevice get() const noexcept { return device_; }
  [[nodiscard]] VkPhysicalDevice physical() const noexcept { return physical_; }
  [[nodiscard]] VkQueue queue() const noexcept { return queue_; }
  [[nodiscard]] std::uint32_t family() const noexcept { return family_; }
  // Of memory of this process that is to become a buffer's: bytes; 0: none can.
  [[nodiscard]] std::uint64_t import_alignment() const noexcept { return import_alignment_; }

  [[nodiscard]] std::optional<std::uint32_t> memory_type(std::uint32_t types, VkMemoryPropertyFlags flags) const;
  // A buffer to copy from, of `size` bytes at least, which the processor writes; the one that is there if it is as
  // large.
  [[nodiscard]] Result<void> make_staging(Buffer& buffer, std::uint64_t size) const;
  void drop(Buffer& buffer) const;

 private:
  explicit VulkanDevice(const VulkanInstance& instance) noexcept : instance_(instance) {}
  [[nodiscard]] Result<void> choose(VkSurfaceKHR surface);
  [[nodiscard]] Result<void> make();

  const VulkanInstance& instance_;
  VkPhysicalDevice physical_ = VK_NULL_HANDLE;
  std::uint32_t family_ = 0;
  VkPhysicalDeviceMemoryProperties memories_{};
  std::uint64_t import_alignment_ = 0;
  VkDevice device_ = VK_NULL_HANDLE;
  DeviceFunctions vk_;
  VkQueue queue_ = VK_NULL_HANDLE;
};

// what: Vulkan's name of a call, or what it was for.
[[nodiscard]] inline Error vulkan_error(const char* what, VkResult result) {
  return {.message = fmt::format("Vulkan fails in {} ({}).", what, static_cast<int>(result)), .code = result};
}

}  // namespace hesper::screen::window
