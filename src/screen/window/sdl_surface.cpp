// The surface that SDL keeps for a window.
#include <SDL3/SDL.h>
#include <fmt/format.h>

#include <utility>

#include "screen/window/window_surface.h"

namespace hesper::screen::window {
namespace {

class SdlSurface final : public WindowSurface {
 public:
  explicit SdlSurface(SDL_Window* window) noexcept : window_(window) {}

  Result<std::optional<Target>> begin(const Size&) override {
    SDL_Surface* surface = SDL_GetWindowSurface(window_);
    if (surface == nullptr) return fail(fmt::format("The window has no surface: {}", SDL_GetError()));
    // SDL throws it away when the window changes.
    const Size size{.width = static_cast<std::uint32_t>(surface->w), .height = static_cast<std::uint32_t>(surface->h)};
    const bool fresh = std::exchange(last_, surface) != surface || std::exchange(last_size_, size) != size;
    return Target{.surface = surface, .number = 0, .fresh = fresh};
  }

  Result<void> show(std::span<const SDL_Rect> changed) override {
    if (changed.empty() || SDL_UpdateWindowSurfaceRects(window_, changed.data(), static_cast<int>(changed.size())))
      return {};
    return fail(fmt::format("The window cannot be drawn: {}", SDL_GetError()));
  }

 private:
  SDL_Window* const window_;
  const SDL_Surface* last_ = nullptr;
  Size last_size_;
};

}  // namespace

Result<std::unique_ptr<WindowSurface>> make_sdl_surface(SDL_Window* window) {
  if (SDL_GetWindowSurface(window) == nullptr)
    return fail(fmt::format("The window has no surface to draw on: {}", SDL_GetError()));
  return std::make_unique<SdlSurface>(window);
}

}  // namespace hesper::screen::window
