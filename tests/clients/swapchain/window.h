// Window: a surface to present to: headless, or a plain X11 or Wayland window. Does not draw.
#pragma once

#include <vulkan/vulkan.h>

#include <memory>
#include <string>
#include <vector>

namespace hesper::clients {

class Window {
 public:
  virtual ~Window() = default;
  [[nodiscard]] virtual std::vector<const char*> instance_extensions() const = 0;
  [[nodiscard]] virtual VkSurfaceKHR create_surface(VkInstance instance) = 0;
  // Asks for another size (pixels) and returns when the window has it.
  virtual void resize(VkExtent2D size) = 0;
  // Answers what the display server asks. Call it now and then.
  virtual void handle_events() {}

  // kind: "headless", "xcb" or "wayland". Throws a sentence for the user if there is no such kind or no display server.
  [[nodiscard]] static std::unique_ptr<Window> open(const std::string& kind, VkExtent2D size);
};

[[nodiscard]] std::unique_ptr<Window> open_wayland_window();

}  // namespace hesper::clients
