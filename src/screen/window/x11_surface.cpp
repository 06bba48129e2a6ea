// A Vulkan surface on a window of X11, which another connection has made.
#include <SDL3/SDL.h>
#include <SDL3/SDL_vulkan.h>
#include <xcb/xcb.h>

#include <vulkan/vulkan_core.h>
#include <vulkan/vulkan_xcb.h>

#include "screen/window/vulkan_surface.h"

namespace hesper::screen::window {
namespace {

class X11Surface final : public VulkanSurface {
 public:
  explicit X11Surface(VkInstance instance) noexcept : instance_(instance) {}
  ~X11Surface() override {
    if (surface_ != VK_NULL_HANDLE) SDL_Vulkan_DestroySurface(instance_, surface_, nullptr);
    xcb_disconnect(connection_);
  }

  Result<void> make(SDL_Window* window) {
    if (xcb_connection_has_error(connection_) != 0)
      return fail("The X server does not take the connection that Vulkan needs for a window.");
    const auto get = reinterpret_cast<PFN_vkGetInstanceProcAddr>(SDL_Vulkan_GetVkGetInstanceProcAddr());
    const auto create = reinterpret_cast<PFN_vkCreateXcbSurfaceKHR>(get(instance_, "vkCreateXcbSurfaceKHR"));
    if (create == nullptr) return fail("The Vulkan driver lacks vkCreateXcbSurfaceKHR.");
    const Sint64 id = SDL_GetNumberProperty(SDL_GetWindowProperties(window), SDL_PROP_WINDOW_X11_WINDOW_NUMBER, 0);
    const VkXcbSurfaceCreateInfoKHR info{.sType = VK_STRUCTURE_TYPE_XCB_SURFACE_CREATE_INFO_KHR,
                                         .connection = connection_,
                                         .window = static_cast<xcb_window_t>(id)};
    if (const VkResult result = create(instance_, &info, nullptr, &surface_); result != VK_SUCCESS)
      return fail("The window cannot be shown with Vulkan.", result);
    return {};
  }

 private:
  const VkInstance instance_;
  xcb_connection_t* const connection_ = xcb_connect(nullptr, nullptr);  // to the same server as SDL's: DISPLAY
};

}  // namespace

Result<std::unique_ptr<VulkanSurface>> make_x11_surface(VkInstance instance, SDL_Window* window) {
  auto surface = std::make_unique<X11Surface>(instance);
  if (auto made = surface->make(window); !made) return std::unexpected(std::move(made.error()));
  return surface;
}

}  // namespace hesper::screen::window
