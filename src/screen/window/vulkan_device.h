// VulkanDevice: an instance with what windows need, and the functions of the loader that SDL has opened. A device for
// one window is made by its presenter, as which devices can show on it only its surface knows.
#pragma once

#include <SDL3/SDL_vulkan.h>
#include <vulkan/vulkan.h>

#include <memory>

#include "base/error.h"

namespace hesper::screen::window {

#define HESPER_WINDOW_INSTANCE_FUNCTIONS(X)    \
  X(vkDestroyInstance)                         \
  X(vkEnumeratePhysicalDevices)                \
  X(vkGetPhysicalDeviceProperties)             \
  X(vkGetPhysicalDeviceProperties2)            \
  X(vkGetPhysicalDeviceMemoryProperties)       \
  X(vkGetPhysicalDeviceQueueFamilyProperties)  \
  X(vkGetPhysicalDeviceSurfaceSupportKHR)      \
  X(vkGetPhysicalDeviceSurfaceCapabilitiesKHR) \
  X(vkGetPhysicalDeviceSurfaceFormatsKHR)      \
  X(vkGetPhysicalDeviceSurfacePresentModesKHR) \
  X(vkEnumerateDeviceExtensionProperties)      \
  X(vkCreateDevice)                            \
  X(vkGetDeviceProcAddr)

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

struct InstanceFunctions {
#define X(name) PFN_##name name = nullptr;
  HESPER_WINDOW_INSTANCE_FUNCTIONS(X)
#undef X
};

struct DeviceFunctions {
#define X(name) PFN_##name name = nullptr;
  HESPER_WINDOW_DEVICE_FUNCTIONS(X)
#undef X
  PFN_vkGetMemoryHostPointerPropertiesEXT vkGetMemoryHostPointerPropertiesEXT = nullptr;  // nullptr: no import
};

// The thread that uses SDL.
class VulkanDevice {
 public:
  [[nodiscard]] static Result<std::shared_ptr<VulkanDevice>> open(bool software);
  VulkanDevice(const VulkanDevice&) = delete;
  VulkanDevice& operator=(const VulkanDevice&) = delete;
  ~VulkanDevice();

  [[nodiscard]] VkInstance instance() const noexcept { return instance_; }
  [[nodiscard]] const InstanceFunctions& vk() const noexcept { return vk_; }
  // A driver that draws with the processor will do.
  [[nodiscard]] bool software() const noexcept { return software_; }

 private:
  explicit VulkanDevice(bool software) noexcept : software_(software) {}

  const bool software_;
  VkInstance instance_ = VK_NULL_HANDLE;
  InstanceFunctions vk_;
};

}  // namespace hesper::screen::window
