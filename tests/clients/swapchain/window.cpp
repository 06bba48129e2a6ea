// Window: its headless and X11 kinds.
#include "swapchain/window.h"

#include <xcb/xcb.h>
// vulkan_xcb.h needs xcb's types.
#include <vulkan/vulkan_xcb.h>

#include <cstdlib>
#include <format>
#include <stdexcept>

#include "support/gpu.h"

namespace hesper::clients {
namespace {

class Headless final : public Window {
 public:
  std::vector<const char*> instance_extensions() const override {
    return {VK_KHR_SURFACE_EXTENSION_NAME, VK_EXT_HEADLESS_SURFACE_EXTENSION_NAME};
  }
  VkSurfaceKHR create_surface(VkInstance instance) override {
    // SAFETY: the name belongs to this type.
    const auto create_headless =
        reinterpret_cast<PFN_vkCreateHeadlessSurfaceEXT>(vkGetInstanceProcAddr(instance, "vkCreateHeadlessSurfaceEXT"));
    expect(create_headless != nullptr, "The driver has no vkCreateHeadlessSurfaceEXT.");
    const VkHeadlessSurfaceCreateInfoEXT info{.sType = VK_STRUCTURE_TYPE_HEADLESS_SURFACE_CREATE_INFO_EXT};
    VkSurfaceKHR surface{};
    check(create_headless(instance, &info, nullptr, &surface));
    return surface;
  }
  void resize(VkExtent2D) override {}  // takes the size of whatever swapchain it is given
};

class Xcb final : public Window {
 public:
  explicit Xcb(VkExtent2D size) : connection_(xcb_connect(nullptr, nullptr)) {
    if (xcb_connection_has_error(connection_) != 0) {
      throw std::runtime_error("The X server that DISPLAY names does not answer.");
    }
    const xcb_screen_t* screen = xcb_setup_roots_iterator(xcb_get_setup(connection_)).data;
    window_ = xcb_generate_id(connection_);
    constexpr std::uint32_t kEvents = XCB_EVENT_MASK_STRUCTURE_NOTIFY;
    xcb_create_window(connection_, XCB_COPY_FROM_PARENT, window_, screen->root, 0, 0, to_word(size.width),
                      to_word(size.height), 0, XCB_WINDOW_CLASS_INPUT_OUTPUT, screen->root_visual, XCB_CW_EVENT_MASK,
                      &kEvents);
    xcb_map_window(connection_, window_);
    xcb_flush(connection_);
  }
  Xcb(const Xcb&) = delete;
  Xcb& operator=(const Xcb&) = delete;
  ~Xcb() override { xcb_disconnect(connection_); }

  std::vector<const char*> instance_extensions() const override {
    return {VK_KHR_SURFACE_EXTENSION_NAME, VK_KHR_XCB_SURFACE_EXTENSION_NAME};
  }
  VkSurfaceKHR create_surface(VkInstance instance) override {
    const VkXcbSurfaceCreateInfoKHR info{
        .sType = VK_STRUCTURE_TYPE_XCB_SURFACE_CREATE_INFO_KHR, .connection = connection_, .window = window_};
    VkSurfaceKHR surface{};
    check(vkCreateXcbSurfaceKHR(instance, &info, nullptr, &surface));
    return surface;
  }
  void resize(VkExtent2D size) override {
    const std::uint32_t values[] = {size.width, size.height};
    xcb_configure_window(connection_, window_, XCB_CONFIG_WINDOW_WIDTH | XCB_CONFIG_WINDOW_HEIGHT, values);
    // The server handles a connection's requests in order: its answer to this one means that the size is set.
    std::free(xcb_get_geometry_reply(connection_, xcb_get_geometry(connection_, window_), nullptr));
  }

 private:
  [[nodiscard]] static std::uint16_t to_word(std::uint32_t pixels) { return static_cast<std::uint16_t>(pixels); }

  xcb_connection_t* connection_;
  xcb_window_t window_ = 0;
};

}  // namespace

std::unique_ptr<Window> Window::open(const std::string& kind, VkExtent2D size) {
  if (kind == "headless") return std::make_unique<Headless>();
  if (kind == "xcb") return std::make_unique<Xcb>(size);
  if (kind == "wayland") return open_wayland_window();
  throw std::runtime_error(std::format("There is no surface \"{}\"; there are headless, xcb and wayland.", kind));
}

}  // namespace hesper::clients
