// For systems without X11.
#include "screen/window/vulkan_surface.h"

namespace hesper::screen::window {

Result<std::unique_ptr<VulkanSurface>> make_x11_surface(VkInstance, SDL_Window*) {
  return fail("Hesper was built without X11's library, and cannot use Vulkan on its windows.");
}

}  // namespace hesper::screen::window
