// VulkanInstance: an instance with what windows need, and the functions of the loader that SDL has opened. A device for
// one window is a VulkanDevice, as which devices can show on it only its surface knows.
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

struct InstanceFunctions {
#define X(name) PFN_##name name = nullptr;
  HESPER_WINDOW_INSTANCE_FUNCTIONS(X)
#undef X
};

// The thread that uses SDL.
class VulkanInstance {
 public:
  [[nodiscard]] static Result<std::shared_ptr<VulkanInstance>> open(bool software);
  VulkanInstance(const VulkanInstance&) = delete;
  VulkanInstance& operator=(const VulkanInstance&) = delete;
  ~VulkanInstance();

  [[nodiscard]] VkInstance instance() const noexcept { return instance_; }
  [[nodiscard]] const InstanceFunctions& vk() const noexcept { return vk_; }
  // A driver that draws with the processor will do.
  [[nodiscard]] bool software() const noexcept { return software_; }

 private:
  explicit VulkanInstance(bool software) noexcept : software_(software) {}

  const bool software_;
  VkInstance instance_ = VK_NULL_HANDLE;
  InstanceFunctions vk_;
};

}  // namespace hesper::screen::window
