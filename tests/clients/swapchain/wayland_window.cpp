// Window: the Wayland kind, a plain top-level window of xdg-shell without decorations.
#include <wayland-client.h>
// The second defines what the first declares, and is C.
extern "C" {
#include <xdg-shell-client-header.h>
// Not sorted.
#include <xdg-shell-private-code.h>
}
// vulkan_wayland.h needs Wayland's types.
#include <vulkan/vulkan.h>
#include <vulkan/vulkan_wayland.h>

#include <cstring>
#include <stdexcept>

#include "support/gpu.h"
#include "swapchain/window.h"

namespace hesper::clients {
namespace {

class Wayland final : public Window {
 public:
  Wayland() : display_(wl_display_connect(nullptr)) {
    if (display_ == nullptr) throw std::runtime_error("The compositor that WAYLAND_DISPLAY names does not answer.");
    wl_registry* const registry = wl_display_get_registry(display_);
    constexpr static wl_registry_listener kRegistry{.global = global, .global_remove = [](void*, auto*, auto) {}};
    wl_registry_add_listener(registry, &kRegistry, this);
    wl_display_roundtrip(display_);
    expect(compositor_ != nullptr && shell_ != nullptr, "The compositor has no xdg-shell.");
    constexpr static xdg_wm_base_listener kShell{
        .ping = [](void*, xdg_wm_base* shell, std::uint32_t serial) { xdg_wm_base_pong(shell, serial); }};
    xdg_wm_base_add_listener(shell_, &kShell, this);

    surface_ = wl_compositor_create_surface(compositor_);
    xdg_surface* const shell_surface = xdg_wm_base_get_xdg_surface(shell_, surface_);
    constexpr static xdg_surface_listener kSurface{.configure = configured};
    xdg_surface_add_listener(shell_surface, &kSurface, this);
    xdg_toplevel* const toplevel = xdg_surface_get_toplevel(shell_surface);
    // The compositor's wishes for a size are not followed.
    constexpr static xdg_toplevel_listener kToplevel{.configure = [](void*, auto*, auto, auto, auto*) {},
                                                     .close = [](void*, auto*) {},
                                                     .configure_bounds = [](void*, auto*, auto, auto) {},
                                                     .wm_capabilities = [](void*, auto*, auto*) {}};
    xdg_toplevel_add_listener(toplevel, &kToplevel, this);
    xdg_toplevel_set_title(toplevel, "swapchain");
    xdg_toplevel_set_app_id(toplevel, "swapchain");
    wl_surface_commit(surface_);
    while (!configured_) expect(wl_display_dispatch(display_) >= 0, "The compositor hangs up.");
  }
  Wayland(const Wayland&) = delete;
  Wayland& operator=(const Wayland&) = delete;
  ~Wayland() override { wl_display_disconnect(display_); }  // which ends all that was made over it

  std::vector<const char*> instance_extensions() const override {
    return {VK_KHR_SURFACE_EXTENSION_NAME, VK_KHR_WAYLAND_SURFACE_EXTENSION_NAME};
  }
  VkSurfaceKHR create_surface(VkInstance instance) override {
    const VkWaylandSurfaceCreateInfoKHR info{
        .sType = VK_STRUCTURE_TYPE_WAYLAND_SURFACE_CREATE_INFO_KHR, .display = display_, .surface = surface_};
    VkSurfaceKHR surface{};
    check(vkCreateWaylandSurfaceKHR(instance, &info, nullptr, &surface));
    return surface;
  }
  void resize(VkExtent2D) override {}  // a Wayland window has the size of what is presented to it
  void handle_events() override { wl_display_roundtrip(display_); }

 private:
  static void global(void* self, wl_registry* registry, std::uint32_t name, const char* interface, std::uint32_t) {
    auto& window = *static_cast<Wayland*>(self);
    // SAFETY: the registry makes objects of the interface that it is given.
    if (std::strcmp(interface, wl_compositor_interface.name) == 0) {
      window.compositor_ = static_cast<wl_compositor*>(wl_registry_bind(registry, name, &wl_compositor_interface, 1));
    } else if (std::strcmp(interface, xdg_wm_base_interface.name) == 0) {
      window.shell_ = static_cast<xdg_wm_base*>(wl_registry_bind(registry, name, &xdg_wm_base_interface, 1));
    }
  }
  static void configured(void* self, xdg_surface* surface, std::uint32_t serial) {
    xdg_surface_ack_configure(surface, serial);
    static_cast<Wayland*>(self)->configured_ = true;
  }

  wl_display* display_;
  wl_compositor* compositor_ = nullptr;
  xdg_wm_base* shell_ = nullptr;
  wl_surface* surface_ = nullptr;
  bool configured_ = false;
};

}  // namespace

std::unique_ptr<Window> open_wayland_window() { return std::make_unique<Wayland>(); }

}  // namespace hesper::clients
