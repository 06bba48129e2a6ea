// VulkanSurface: what Vulkan shows on in a window of SDL's.
#pragma once

#include <SDL3/SDL_video.h>
#include <vulkan/vulkan.h>

#include <memory>
#include <vector>

#include "base/error.h"

namespace hesper::screen::window {

// The thread that uses SDL. Goes before its window.
class VulkanSurface {
 public:
  virtual ~VulkanSurface() = default;
  [[nodiscard]] VkSurfaceKHR get() const noexcept { return surface_; }

 protected:
  VkSurfaceKHR surface_ = VK_NULL_HANDLE;
};

// Which extensions an instance needs for it. Empty: SDL cannot use Vulkan.
[[nodiscard]] std::vector<const char*> surface_extensions();
[[nodiscard]] Result<std::unique_ptr<VulkanSurface>> make_vulkan_surface(VkInstance instance, SDL_Window* window);

// One under X11, on a connection of its own: Mesa's drivers read events from the surface's connection in threads of
// theirs, and if that were SDL's, they would take events off it that SDL then waits for without end.
[[nodiscard]] Result<std::unique_ptr<VulkanSurface>> make_x11_surface(VkInstance instance, SDL_Window* window);

}  // namespace hesper::screen::window
