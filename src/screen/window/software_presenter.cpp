// The software presenter: SDL's blits from the frame's own memory into a surface of the window's.
#include <SDL3/SDL.h>
#include <fmt/format.h>

#include <array>
#include <utility>

#include "screen/window/presenter.h"
#include "screen/window/video_driver.h"
#include "screen/window/window_surface.h"

namespace hesper::screen::window {
namespace {

SDL_PixelFormat format_of(gpu::Format format) {
  switch (format) {
    case gpu::Format::b8g8r8a8:
    case gpu::Format::b8g8r8x8: return SDL_PIXELFORMAT_BGRX32;
    case gpu::Format::a8r8g8b8:
    case gpu::Format::x8r8g8b8: return SDL_PIXELFORMAT_XRGB32;
    case gpu::Format::r8g8b8a8:
    case gpu::Format::r8g8b8x8: return SDL_PIXELFORMAT_RGBX32;
    case gpu::Format::x8b8g8r8:
    case gpu::Format::a8b8g8r8: return SDL_PIXELFORMAT_XBGR32;
  }
  return SDL_PIXELFORMAT_UNKNOWN;
}

struct SurfaceDeleter {
  void operator()(SDL_Surface* surface) const noexcept { SDL_DestroySurface(surface); }
};
using Surface = std::unique_ptr<SDL_Surface, SurfaceDeleter>;

// A surface over memory that stays the caller's. SAFETY: blits only read it.
Surface over(SDL_PixelFormat format, std::uint32_t width, std::uint32_t height, std::span<const std::byte> pixels,
             std::uint32_t stride) {
  return Surface(SDL_CreateSurfaceFrom(static_cast<int>(width), static_cast<int>(height), format,
                                       const_cast<std::byte*>(pixels.data()), static_cast<int>(stride)));
}

SDL_Rect rect_of(const gpu::Rect& rect, int x = 0, int y = 0) {
  return {.x = static_cast<int>(rect.x) + x,
          .y = static_cast<int>(rect.y) + y,
          .w = static_cast<int>(rect.width),
          .h = static_cast<int>(rect.height)};
}

class SoftwarePresenter final : public Presenter {
 public:
  explicit SoftwarePresenter(std::unique_ptr<WindowSurface> surface) noexcept : surface_(std::move(surface)) {}

  Result<Presented> present(const Presentation& what, std::uint64_t& copied) override {
    const auto begun = surface_->begin(what.window);
    if (!begun) return std::unexpected(begun.error());
    if (!*begun) return Presented::later;
    const WindowSurface::Target& target = **begun;
    SDL_Surface* surface = target.surface;
    for (Drawn& each : drawn_) each.missing.add(*what.damage);
    Drawn& drawn = drawn_[target.number];
    const bool whole = target.fresh || what.layout != drawn.layout || what.layout.is_scaled() || what.frame == nullptr;
    const frame::Damage missing = std::exchange(drawn.missing, {});
    drawn.layout = what.layout;
    const SDL_Rect all{.x = 0, .y = 0, .w = surface->w, .h = surface->h};
    std::vector<SDL_Rect> changed;
    const auto change = [&](SDL_Rect place) {
      if (SDL_GetRectIntersection(&place, &all, &place)) changed.push_back(place);
    };
    const auto blit = [&](SDL_Surface* from, const gpu::Rect& part) {
      const SDL_Rect source = rect_of(part);
      SDL_Rect place = rect_of(part, what.layout.x, what.layout.y);
      change(place);
      SDL_BlitSurface(from, &source, surface, &place);
      copied += std::uint64_t{gpu::kBytesPerPixel} * part.width * part.height;
    };
    if (whole) SDL_FillSurfaceRect(surface, nullptr, 0);
    if (what.frame != nullptr) {
      const frame::Frame& frame = *what.frame;
      const Surface picture = over(format_of(frame.format), frame.width, frame.height,
                                   frame.buffer->bytes().subspan(frame.offset), frame.stride);
      if (!picture) return fail(fmt::format("A frame cannot be drawn: {}", SDL_GetError()));
      if (what.layout.is_scaled()) {
        scale(picture.get(), {.width = frame.width, .height = frame.height}, surface, what.layout, copied);
      } else if (whole) {
        blit(picture.get(), {.width = frame.width, .height = frame.height});
      } else {
        for (const gpu::Rect& rect : missing.rects()) blit(picture.get(), rect);
      }
      if (what.patch != nullptr) {
        draw(*what.patch, surface, what.layout, copied);
        change(rect_of(what.patch->area, what.layout.x, what.layout.y));
      }
    }
    if (whole || what.exposed) changed.assign(1, all);
    if (auto shown = surface_->show(changed); !shown) return std::unexpected(std::move(shown.error()));
    return Presented::yes;
  }

 private:
  // From this part of the picture, which `from` has.
  static void scale(SDL_Surface* from, const gpu::Rect& part, SDL_Surface* to, const Layout& layout,
                    std::uint64_t& copied) {
    const auto scaled = [](std::uint64_t at, std::uint32_t size, std::uint32_t picture) {
      return static_cast<int>(at * size / picture);
    };
    SDL_Rect target{.x = scaled(part.x, layout.width, layout.picture.width),
                    .y = scaled(part.y, layout.height, layout.picture.height),
                    .w = 0,
                    .h = 0};
    target.w = scaled(part.right(), layout.width, layout.picture.width) - target.x;
    target.h = scaled(part.bottom(), layout.height, layout.picture.height) - target.y;
    target.x += layout.x;
    target.y += layout.y;
    const bool integer = layout.width % layout.picture.width == 0 && layout.height % layout.picture.height == 0;
    SDL_BlitSurfaceScaled(from, nullptr, to, &target, integer ? SDL_SCALEMODE_NEAREST : SDL_SCALEMODE_LINEAR);
    copied += std::uint64_t{gpu::kBytesPerPixel} * static_cast<std::uint64_t>(target.w) *
              static_cast<std::uint64_t>(target.h);
  }
  static void draw(const Patch& patch, SDL_Surface* to, const Layout& layout, std::uint64_t& copied) {
    const Surface surface = over(SDL_PIXELFORMAT_BGRX32, patch.area.width, patch.area.height, patch.pixels,
                                 gpu::kBytesPerPixel * patch.area.width);
    if (!surface) return;
    if (layout.is_scaled()) {
      scale(surface.get(), patch.area, to, layout, copied);
      return;
    }
    SDL_Rect target = rect_of(patch.area, layout.x, layout.y);
    SDL_BlitSurface(surface.get(), nullptr, to, &target);
  }

  const std::unique_ptr<WindowSurface> surface_;
  struct Drawn {
    Layout layout;
    frame::Damage missing;  // what has changed since
  };
  std::array<Drawn, WindowSurface::kMostTargets> drawn_;  // on each target
};

}  // namespace

Result<std::unique_ptr<Presenter>> make_software_presenter(SDL_Window* window) {
  auto surface = video_driver_is("wayland") ? make_wayland_surface(window) : make_sdl_surface(window);
  if (!surface) return std::unexpected(std::move(surface.error()));
  return std::make_unique<SoftwarePresenter>(std::move(*surface));
}

}  // namespace hesper::screen::window
