// open_window(): a thread that has SDL, and a window for each display that is there.
//
// SDL wants to be used by one thread. On macOS that must be the process's first one, so that this does not work there
// yet.
#include "screen/window/window.h"

#include <SDL3/SDL.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <future>
#include <memory>
#include <optional>
#include <thread>
#include <utility>

#include "base/log.h"
#include "gpu/protocol.h"
#include "platform/thread.h"
#include "screen/window/display_window.h"
#include "screen/window/host_clipboard.h"
#include "screen/window/video_driver.h"

namespace hesper::screen {
namespace {

using namespace window;

constexpr Size kEmpty{.width = 640, .height = 480};

class WindowOutput final : public Output {
 public:
  WindowOutput(WindowOptions options, Shown shown) noexcept : options_(std::move(options)), shown_(std::move(shown)) {}
  ~WindowOutput() override {
    if (!thread_.joinable()) return;
    push(kStop);
    thread_.join();
  }

  Result<void> start() {
    std::promise<Result<void>> ready;
    auto is_ready = ready.get_future();
    thread_ = std::thread([this, &ready] { run(ready); });
    return is_ready.get();
  }

  std::string describe() const override { return {}; }

 private:
  enum What : Sint32 { kStop, kNews, kLeds, kClipboard };
  // A display and, if it is there, its window.
  struct Place {
    std::unique_ptr<frame::Reader> reader;
    std::unique_ptr<DisplayWindow> window;
    frame::DisplayInfo info;
    bool closed = false;  // by the user; comes again when the display does
  };

  void run(std::promise<Result<void>>& ready) {
    platform::name_thread("window");
    if (auto begun = begin(); !begun) {
      end();
      ready.set_value(std::move(begun));
      return;
    }
    ready.set_value({});
    while (!stopped_) {
      SDL_Event event;
      if (wait(event)) handle(event);
      for (Place& place : places_)
        if (place.window && place.window->due() && *place.window->due() <= Clock::now()) place.window->on_time();
    }
    end();
  }

  Result<void> begin() {
    SDL_SetHint(SDL_HINT_NO_SIGNAL_HANDLERS, "1");
    SDL_SetHint(SDL_HINT_QUIT_ON_LAST_WINDOW_CLOSE, "0");
    SDL_SetHint(SDL_HINT_TOUCH_MOUSE_EVENTS, "0");
    SDL_SetHint(SDL_HINT_FRAMEBUFFER_ACCELERATION, "0");
    SDL_SetHint(SDL_HINT_VIDEO_ALLOW_SCREENSAVER, "1");
    SDL_SetHint(SDL_HINT_APP_NAME, "Hesper");
    if (!SDL_Init(SDL_INIT_VIDEO))
      return fail(
          fmt::format("No window can be opened, as there is no display server: set DISPLAY or WAYLAND_DISPLAY, or "
                      "show the screen otherwise. (SDL says: {})",
                      SDL_GetError()));
    outlive_x_errors();
    // Never shown. Without any window SDL does not wait for events, but looks for them a thousand times a second.
    anchor_.reset(SDL_CreateWindow(options_.name.c_str(), 1, 1, SDL_WINDOW_HIDDEN));
    if (!anchor_) return fail(fmt::format("A window cannot be opened: {}", SDL_GetError()));
    event_type_ = SDL_RegisterEvents(1);
    if (options_.renderer != WindowOptions::Renderer::software) {
      auto vulkan = open_vulkan(options_.renderer == WindowOptions::Renderer::vulkan);
      if (vulkan)
        vulkan_ = std::move(*vulkan);
      else if (options_.renderer == WindowOptions::Renderer::vulkan)
        return std::unexpected(std::move(vulkan.error()));
      else
        log::info("Windows are drawn by software: {}", vulkan.error().message);
    }
    if (shown_.clipboard != nullptr) clipboard_.emplace(*shown_.clipboard, [this] { push(kClipboard); });
    for (std::uint32_t display = 0; display < places_.size(); ++display) {
      if (!options_.displays.empty() && !std::ranges::contains(options_.displays, display)) continue;
      places_[display].reader = shown_.source.subscribe(display, [this, display] { push(kNews, display); });
      if (auto taken = take(display); !taken) return taken;
    }
    return {};
  }

  // Xlib ends the process at any error that nobody handles, such as an answer to a window that asked for the clipboard
  // and went away meanwhile. Each of them is some window's, and never ours to die of.
  static void outlive_x_errors() {
    if (!video_driver_is("x11")) return;
    using Handler = int (*)(void* display, void* error);
    SDL_SharedObject* xlib = SDL_LoadObject("libX11.so.6");  // SDL has it, and we keep it
    const auto set =
        xlib == nullptr ? nullptr : reinterpret_cast<Handler (*)(Handler)>(SDL_LoadFunction(xlib, "XSetErrorHandler"));
    if (set == nullptr) return;
    set([](void*, void*) {
      log::debug("The X server reports an error, which is passed over.");
      return 0;
    });
  }

  void end() {
    clipboard_.reset();
    for (Place& place : places_) place = {};
    vulkan_.reset();
    anchor_.reset();
    SDL_Quit();
  }

  // False: a time has come, not an event.
  bool wait(SDL_Event& event) {
    std::optional<Clock::time_point> due;
    for (const Place& place : places_)
      if (place.window && place.window->due()) due = std::min(due.value_or(*place.window->due()), *place.window->due());
    if (!due) return SDL_WaitEvent(&event);
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(*due - Clock::now());
    return SDL_WaitEventTimeout(&event, static_cast<Sint32>(std::max<std::int64_t>(left.count(), 0)));
  }

  void handle(const SDL_Event& event) {
    if (event.type == event_type_) {
      const auto display = static_cast<std::uint32_t>(event.user.windowID);
      if (event.user.code == kStop) {
        stopped_ = true;
      } else if (event.user.code == kClipboard) {
        clipboard_->on_text();
      } else if (event.user.code == kLeds) {
        // SAFETY: push() has put three bits there.
        const auto bits = reinterpret_cast<std::uintptr_t>(event.user.data1);
        if (places_[display].window)
          places_[display].window->on_leds(
              {.num_lock = (bits & 1U) != 0, .caps_lock = (bits & 2U) != 0, .scroll_lock = (bits & 4U) != 0});
      } else if (auto taken = take(display); !taken) {
        log::error("{}", taken.error().message);
      }
      return;
    }
    if (clipboard_) clipboard_->on_event(event);
    if (event.type == SDL_EVENT_WINDOW_CLOSE_REQUESTED) {
      close(event.window.windowID);
      return;
    }
    SDL_Window* window = SDL_GetWindowFromEvent(&event);
    for (Place& place : places_)
      if (place.window && window != nullptr && place.window->id() == SDL_GetWindowID(window))
        place.window->on_event(event);
  }

  Result<void> take(std::uint32_t display) {
    Place& place = places_[display];
    if (!place.reader) return {};
    frame::News news = place.reader->take();
    if (news.info) {
      // One that was removed and comes again is another one.
      if (!news.info->connected && place.info.connected) place.closed = false;
      place.info = *news.info;
    }
    if (!place.info.connected) {
      place.window.reset();
      return {};
    }
    if (place.closed) return {};
    if (!place.window) {
      const Size size = news.frame ? Size{.width = news.frame->width, .height = news.frame->height}
                        : place.info.width != 0 && place.info.height != 0
                            ? Size{.width = place.info.width, .height = place.info.height}
                            : kEmpty;
      auto window = DisplayWindow::open(
          {.display = display,
           .options = &options_,
           .shown = &shown_,
           .vulkan = vulkan_,
           .on_leds =
               [this, display](input::Leds leds) {
                 push(kLeds, display,
                      (leds.num_lock ? 1U : 0U) | (leds.caps_lock ? 2U : 0U) | (leds.scroll_lock ? 4U : 0U));
               }},
          size);
      if (!window) return std::unexpected(std::move(window.error()));
      place.window = std::move(*window);
    }
    place.window->take(news);
    return {};
  }

  void close(SDL_WindowID id) {
    bool any = false;
    for (Place& place : places_) {
      if (place.window && place.window->id() == id) {
        place.window.reset();
        place.closed = true;
      }
      any = any || place.window;
    }
    // Displays may come again, but nobody waits for them who has closed all windows.
    if (!any) shown_.over();
  }

  // Any thread.
  void push(What what, std::uint32_t display = 0, std::uintptr_t data = 0) const {
    SDL_Event event{};
    event.type = event_type_;
    event.user.code = what;
    event.user.windowID = display;
    event.user.data1 = reinterpret_cast<void*>(data);
    SDL_PushEvent(&event);
  }

  const WindowOptions options_;
  const Shown shown_;
  std::uint32_t event_type_ = SDL_EVENT_USER;
  std::unique_ptr<SDL_Window, decltype(&SDL_DestroyWindow)> anchor_{nullptr, SDL_DestroyWindow};
  std::shared_ptr<VulkanInstance> vulkan_;
  std::array<Place, gpu::VIRTIO_GPU_MAX_SCANOUTS> places_;
  bool stopped_ = false;

  std::optional<HostClipboard> clipboard_;

  std::thread thread_;
};

}  // namespace

Result<Prepared> prepare_window(const WindowOptions& options, const Preparing&) {
  return [options](Shown shown) -> Result<std::unique_ptr<Output>> {
    auto output = std::make_unique<WindowOutput>(options, std::move(shown));
    if (auto started = output->start(); !started) return std::unexpected(std::move(started.error()));
    return output;
  };
}

}  // namespace hesper::screen
