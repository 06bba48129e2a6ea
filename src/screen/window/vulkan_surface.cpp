// VulkanSurface: SDL's, but under X11.
#include "screen/window/vulkan_surface.h"

#include <SDL3/SDL.h>
#include <SDL3/SDL_vulkan.h>
#include <fmt/format.h>

#include "screen/window/video_driver.h"

namespace hesper::screen::window {
namespace {

class SdlSurfaceOfVulkan final : public VulkanSurface {
 public:
  explicit SdlSurfaceOfVulkan(VkInstance instance) noexcept : instance_(instance) {}
  ~SdlSurfaceOfVulkan() override {
    if (surface_ != VK_NULL_HANDLE) SDL_Vulkan_DestroySurface(instance_, surface_, nullptr);
  }
  bool make(SDL_Window* window) { return SDL_Vulkan_CreateSurface(window, instance_, nullptr, &surface_); }

 private:
  const VkInstance instance_;
};

}  // namespace

std::vector<const char*> surface_extensions() {
  if (video_driver_is("x11")) return {VK_KHR_SURFACE_EXTENSION_NAME, "VK_KHR_xcb_surface"};
  Uint32 count = 0;
  const char* const* extensions = SDL_Vulkan_GetInstanceExtensions(&count);
  return extensions == nullptr ? std::vector<const char*>() : std::vector(extensions, extensions + count);
}

Result<std::unique_ptr<VulkanSurface>> make_vulkan_surface(VkInstance instance, SDL_Window* window) {
  if (video_driver_is("x11")) return make_x11_surface(instance, window);
  auto surface = std::make_unique<SdlSurfaceOfVulkan>(instance);
  if (!surface->make(window)) return fail(fmt::format("The window cannot be shown with Vulkan: {}", SDL_GetError()));
  return surface;
}

}  // namespace hesper::screen::window
