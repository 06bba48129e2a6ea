// For systems without Wayland.
#include "screen/window/window_surface.h"

namespace hesper::screen::window {

Result<std::unique_ptr<WindowSurface>> make_wayland_surface(SDL_Window*) {
  return fail("Hesper was built without Wayland's library, and cannot draw on a Wayland window with the processor.");
}

}  // namespace hesper::screen::window
