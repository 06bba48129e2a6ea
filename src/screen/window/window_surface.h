// WindowSurface: pixels of a window, for drawing with the processor. Knows no picture.
#pragma once

#include <SDL3/SDL_rect.h>

#include <cstddef>
#include <memory>
#include <optional>
#include <span>

#include "base/error.h"
#include "screen/window/layout.h"

struct SDL_Surface;
struct SDL_Window;

namespace hesper::screen::window {

// All of it by the thread that made the window.
class WindowSurface {
 public:
  static constexpr std::size_t kMostTargets = 3;
  struct Target {
    SDL_Surface* surface = nullptr;  // valid until the next begin()
    std::size_t number = 0;          // less than kMostTargets
    bool fresh = true;               // has nothing in it; if not, what it had when it was shown last
  };

  virtual ~WindowSurface() = default;
  // What to draw on next. window: pixels, not 0. nullopt: the window system has all of them now.
  [[nodiscard]] virtual Result<std::optional<Target>> begin(const Size& window) = 0;
  // Shows the target of the last begin(). changed: at least what differs from what is shown, within the surface.
  [[nodiscard]] virtual Result<void> show(std::span<const SDL_Rect> changed) = 0;
};

// SDL's own, one target.
[[nodiscard]] Result<std::unique_ptr<WindowSurface>> make_sdl_surface(SDL_Window* window);
// Shared memory of a Wayland compositor, for which SDL has none (but for OpenGL's). Errors also where Hesper was built
// without Wayland.
[[nodiscard]] Result<std::unique_ptr<WindowSurface>> make_wayland_surface(SDL_Window* window);

}  // namespace hesper::screen::window
