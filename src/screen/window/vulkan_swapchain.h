// VulkanSwapchain: the images of a window, and whose turn it is. Draws nothing.
#pragma once

#include <vulkan/vulkan.h>

#include <cstdint>
#include <optional>
#include <vector>

#include "base/error.h"
#include "screen/window/layout.h"
#include "screen/window/vulkan_device.h"

namespace hesper::screen::window {

class VulkanSwapchain {
 public:
  struct Target {
    VkImage image = VK_NULL_HANDLE;
    std::uint32_t number = 0;
    VkSemaphore acquired = VK_NULL_HANDLE;  // to wait for before it is drawn to
    VkSemaphore drawn = VK_NULL_HANDLE;     // to signal after that
  };

  // device: borrowed for the swapchain's life. vsync: show each picture for a whole period of the screen at least.
  VulkanSwapchain(const VulkanDevice& device, VkSurfaceKHR surface, bool vsync) noexcept
      : device_(device), surface_(surface), vsync_(vsync) {}
  VulkanSwapchain(const VulkanSwapchain&) = delete;
  VulkanSwapchain& operator=(const VulkanSwapchain&) = delete;
  ~VulkanSwapchain();  // the GPU is idle

  // Images of a window's size, pixels, instead of those that are there; as large as the window is by now. None while it
  // is minimised. Waits for the GPU.
  [[nodiscard]] Result<void> make(const Size& size);
  void drop();  // the GPU is idle
  // nullopt: there are no images.
  [[nodiscard]] std::optional<Size> size() const noexcept {
    return swapchain_ == VK_NULL_HANDLE ? std::nullopt : std::optional(size_);
  }

  // Waits for 20 ms at most, so that other windows are not kept. The GPU is idle. nullopt: none now; there may be no
  // images any more.
  [[nodiscard]] Result<std::optional<Target>> acquire();
  // False: the window has changed; drop().
  [[nodiscard]] Result<bool> present(const Target& target);

 private:
  const VulkanDevice& device_;
  const VkSurfaceKHR surface_;
  const bool vsync_;
  VkSemaphore acquired_ = VK_NULL_HANDLE;
  VkSwapchainKHR swapchain_ = VK_NULL_HANDLE;
  Size size_;
  std::vector<VkImage> images_;
  std::vector<VkSemaphore> drawn_;  // one for each image: the presentation engine waits for it
};

}  // namespace hesper::screen::window
