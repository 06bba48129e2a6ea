// Presenter: brings pictures into one window. Knows no input.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "base/error.h"
#include "frame/damage.h"
#include "frame/frame.h"
#include "screen/window/layout.h"

struct SDL_Window;

namespace hesper::screen::window {

// What lies on top of the picture, opaque: b8g8r8a8 without gaps, within the picture.
struct Patch {
  gpu::Rect area;
  std::vector<std::byte> pixels;
};

struct Presentation {
  const frame::Frame* frame = nullptr;  // nullptr: black
  // What differs from what was presented before; the whole picture for the first of its size or format.
  const frame::Damage* damage = nullptr;
  const Patch* patch = nullptr;  // nullptr: none. Where it was before is in the damage
  bool exposed = false;          // the window may have lost what was presented before
  Size window;                   // pixels, not 0
  Layout layout;
};

enum class Presented : std::uint8_t {
  yes,
  later,  // the window takes nothing now; try again in a while, with the damage of what is presented then
};

// All of it by the thread that made the window.
class Presenter {
 public:
  virtual ~Presenter() = default;
  // copied: bytes that the processor has copied for it are added. Errors: this presenter will not do any more.
  [[nodiscard]] virtual Result<Presented> present(const Presentation& what, std::uint64_t& copied) = 0;
};

// With the processor, into the window's surface.
[[nodiscard]] Result<std::unique_ptr<Presenter>> make_software_presenter(SDL_Window* window);

class VulkanInstance;

// What the presenters of all windows share: an instance. software: a driver that draws with the processor will do too.
// The thread that uses SDL. Errors: there is no Vulkan, or no such device.
[[nodiscard]] Result<std::shared_ptr<VulkanInstance>> open_vulkan(bool software);
// The window was made with SDL_WINDOW_VULKAN. vsync: show each picture for a whole period of the screen at least.
[[nodiscard]] Result<std::unique_ptr<Presenter>> make_vulkan_presenter(std::shared_ptr<VulkanInstance> instance,
                                                                       SDL_Window* window, bool vsync);

}  // namespace hesper::screen::window
