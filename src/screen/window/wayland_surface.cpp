// Buffers of shared memory on a Wayland window of SDL's, each of which comes back when the compositor has read it.
#include <SDL3/SDL.h>
#include <fmt/format.h>
#include <wayland-client.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>
#include <string_view>
#include <utility>
#include <vector>

#include "gpu/formats.h"
#include "platform/shared_memory.h"
#include "screen/window/window_surface.h"

namespace hesper::screen::window {
namespace {

// How to give back what Wayland's library has made.
struct Destroy {
  void operator()(wl_event_queue* queue) const noexcept { wl_event_queue_destroy(queue); }
  void operator()(wl_registry* registry) const noexcept { wl_registry_destroy(registry); }
  void operator()(wl_shm* shm) const noexcept { wl_shm_destroy(shm); }
  void operator()(wl_shm_pool* pool) const noexcept { wl_shm_pool_destroy(pool); }
  void operator()(wl_buffer* buffer) const noexcept { wl_buffer_destroy(buffer); }
  void operator()(SDL_Surface* surface) const noexcept { SDL_DestroySurface(surface); }
};
template <class T>
using Owned = std::unique_ptr<T, Destroy>;

struct Buffer {
  Size size;
  platform::Mapping mapping;
  Owned<SDL_Surface> surface;
  Owned<wl_buffer> buffer;
  bool busy = false;  // the compositor has it
};

class WaylandSurface final : public WindowSurface {
 public:
  WaylandSurface(wl_display* display, wl_surface* surface) noexcept : display_(display), surface_(surface) {}

  // Events of our objects go to a queue of our own; SDL reads them from the socket with its own.
  Result<void> prepare() {
    queue_.reset(wl_display_create_queue(display_));
    auto* wrapper = static_cast<wl_display*>(wl_proxy_create_wrapper(display_));
    if (!queue_ || wrapper == nullptr) return fail("Wayland's library has no memory.");
    wl_proxy_set_queue(reinterpret_cast<wl_proxy*>(wrapper), queue_.get());
    const Owned<wl_registry> registry(wl_display_get_registry(wrapper));
    wl_proxy_wrapper_destroy(wrapper);
    static constexpr wl_registry_listener kListener = {
        .global =
            [](void* self, wl_registry* from, std::uint32_t name, const char* interface, std::uint32_t) {
              if (std::string_view(interface) == wl_shm_interface.name)
                static_cast<WaylandSurface*>(self)->shm_.reset(
                    static_cast<wl_shm*>(wl_registry_bind(from, name, &wl_shm_interface, 1)));
            },
        .global_remove = [](void*, wl_registry*, std::uint32_t) {}};
    wl_registry_add_listener(registry.get(), &kListener, this);
    if (wl_display_roundtrip_queue(display_, queue_.get()) < 0 || !shm_)
      return fail("The Wayland compositor takes no pictures from shared memory.");
    return {};
  }

  Result<std::optional<Target>> begin(const Size& window) override {
    wl_display_dispatch_queue_pending(display_, queue_.get());
    std::erase_if(old_, [](const auto& each) { return !each->busy; });
    for (std::size_t number = 0; number < buffers_.size(); ++number) {
      auto& each = buffers_[number];
      if (each && each->size != window) old_.push_back(std::move(each));
      if (each && each->busy) continue;
      const bool fresh = !each;
      if (fresh) {
        auto made = make_buffer(window);
        if (!made) return std::unexpected(std::move(made.error()));
        each = std::move(*made);
      }
      next_ = each.get();
      return Target{.surface = each->surface.get(), .number = number, .fresh = fresh};
    }
    return std::nullopt;
  }

  Result<void> show(std::span<const SDL_Rect> changed) override {
    if (changed.empty()) return {};
    wl_surface_attach(surface_, next_->buffer.get(), 0, 0);
    const bool in_pixels = wl_surface_get_version(surface_) >= WL_SURFACE_DAMAGE_BUFFER_SINCE_VERSION;
    constexpr auto kAll = std::numeric_limits<std::int32_t>::max();
    if (!in_pixels) wl_surface_damage(surface_, 0, 0, kAll, kAll);
    for (const SDL_Rect& each : changed)
      if (in_pixels) wl_surface_damage_buffer(surface_, each.x, each.y, each.w, each.h);
    wl_surface_commit(surface_);
    next_->busy = true;
    // What does not go out now goes with SDL's next events; an end of the connection is SDL's to find.
    wl_display_flush(display_);
    return {};
  }

 private:
  Result<std::unique_ptr<Buffer>> make_buffer(const Size& size) const {
    const std::uint64_t stride = std::uint64_t{gpu::kBytesPerPixel} * size.width;
    const std::uint64_t bytes = stride * size.height;
    if (bytes > std::numeric_limits<std::int32_t>::max())
      return fail(fmt::format("A window of {}x{} pixels is larger than Wayland allows.", size.width, size.height));
    auto memory = platform::create_shared_memory("hesper-window", bytes);
    if (!memory) return std::unexpected(std::move(memory.error()));
    auto mapping = platform::Mapping::map(memory->get(), bytes);
    if (!mapping) return std::unexpected(std::move(mapping.error()));
    auto made = std::make_unique<Buffer>();
    made->size = size;
    made->mapping = std::move(*mapping);
    const auto width = static_cast<std::int32_t>(size.width);
    const auto height = static_cast<std::int32_t>(size.height);
    made->surface.reset(
        SDL_CreateSurfaceFrom(width, height, SDL_PIXELFORMAT_BGRX32, made->mapping.data(), static_cast<int>(stride)));
    const Owned<wl_shm_pool> pool(wl_shm_create_pool(shm_.get(), memory->get(), static_cast<std::int32_t>(bytes)));
    if (pool)
      made->buffer.reset(wl_shm_pool_create_buffer(pool.get(), 0, width, height, static_cast<std::int32_t>(stride),
                                                   WL_SHM_FORMAT_XRGB8888));  // little endian: blue comes first
    if (!made->surface || !made->buffer) return fail("There is no memory for a window's pixels.");
    static constexpr wl_buffer_listener kListener = {
        .release = [](void* buffer, wl_buffer*) { static_cast<Buffer*>(buffer)->busy = false; }};
    wl_buffer_add_listener(made->buffer.get(), &kListener, made.get());
    return made;
  }

  wl_display* const display_;  // both SDL's
  wl_surface* const surface_;
  Owned<wl_event_queue> queue_;  // outlives what has events on it
  Owned<wl_shm> shm_;
  std::array<std::unique_ptr<Buffer>, kMostTargets> buffers_;
  std::vector<std::unique_ptr<Buffer>> old_;  // of another size, until the compositor gives them back
  Buffer* next_ = nullptr;                    // of the last begin()
};

}  // namespace

Result<std::unique_ptr<WindowSurface>> make_wayland_surface(SDL_Window* window) {
  const SDL_PropertiesID properties = SDL_GetWindowProperties(window);
  const auto get = [&](const char* name) { return SDL_GetPointerProperty(properties, name, nullptr); };
  auto* display = static_cast<wl_display*>(get(SDL_PROP_WINDOW_WAYLAND_DISPLAY_POINTER));
  auto* surface = static_cast<wl_surface*>(get(SDL_PROP_WINDOW_WAYLAND_SURFACE_POINTER));
  if (display == nullptr || surface == nullptr) return fail("The window is none of Wayland's.");
  auto made = std::make_unique<WaylandSurface>(display, surface);
  if (auto ready = made->prepare(); !ready) return std::unexpected(std::move(ready.error()));
  return made;
}

}  // namespace hesper::screen::window
