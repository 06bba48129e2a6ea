// DisplayWindow: one display in one window: its pictures, its pointer, and what is done in it. The thread that uses
// SDL.
#pragma once

#include <SDL3/SDL.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "frame/damage.h"
#include "frame/ledger.h"
#include "frame/source.h"
#include "input/sink.h"
#include "screen/window/layout.h"
#include "screen/window/presenter.h"
#include "screen/window/window.h"

namespace hesper::screen::window {

using Clock = std::chrono::steady_clock;

class DisplayWindow {
 public:
  struct Setup {
    std::uint32_t display = 0;
    const WindowOptions* options = nullptr;
    const Shown* shown = nullptr;
    std::shared_ptr<VulkanInstance> vulkan;    // nullptr: software
    std::function<void(input::Leds)> on_leds;  // any thread
  };
  // Errors: SDL makes no window, or nothing can be drawn in it.
  [[nodiscard]] static Result<std::unique_ptr<DisplayWindow>> open(Setup setup, const Size& picture);
  DisplayWindow(const DisplayWindow&) = delete;
  DisplayWindow& operator=(const DisplayWindow&) = delete;
  ~DisplayWindow();

  [[nodiscard]] SDL_WindowID id() const noexcept { return SDL_GetWindowID(window_.get()); }

  // What the display shows; presents it.
  void take(frame::News& news);
  void on_event(const SDL_Event& event);
  void on_leds(input::Leds leds);
  // When on_time() is to be called.
  [[nodiscard]] std::optional<Clock::time_point> due() const;
  void on_time();

 private:
  struct WindowDeleter {
    void operator()(SDL_Window* window) const noexcept { SDL_DestroyWindow(window); }
  };
  struct CursorDeleter {
    void operator()(SDL_Cursor* cursor) const noexcept { SDL_DestroyCursor(cursor); }
  };

  explicit DisplayWindow(Setup setup) noexcept : setup_(std::move(setup)) {}
  [[nodiscard]] Result<void> make_window(const Size& picture, SDL_WindowFlags more);
  void set_title();
  void set_size(const Size& picture);

  void present();
  [[nodiscard]] std::optional<Patch> cursor_patch();
  [[nodiscard]] gpu::Rect cursor_area() const;
  void show_cursor();

  [[nodiscard]] bool on_hot_key(const SDL_KeyboardEvent& event);
  void on_key(const SDL_KeyboardEvent& event);
  void on_motion(const SDL_MouseMotionEvent& event);
  void on_wheel(const SDL_MouseWheelEvent& event);
  void on_finger(const SDL_TouchFingerEvent& event);
  void point_at(double x, double y);  // points of the window, as events have them
  void capture(bool on);
  void let_go();
  void follow_size();
  void match_locks();

  const Setup setup_;
  std::unique_ptr<SDL_Window, WindowDeleter> window_;
  std::unique_ptr<Presenter> presenter_;
  std::shared_ptr<frame::OutputLedger> ledger_;
  std::unique_ptr<input::Sink> sink_;

  std::optional<frame::Frame> frame_;
  frame::Damage damage_;  // that is not in the window yet
  bool dirty_ = true;     // something is
  bool exposed_ = true;   // the window may have nothing in it
  std::optional<frame::Row> row_;
  std::uint64_t last_serial_ = 0;
  Size picture_;  // of the display, also while it shows nothing
  Size size_;     // of the window, in pixels
  Scaling scaling_ = Scaling::fit;
  Layout layout_;
  bool visible_ = true;
  std::optional<Clock::time_point> again_;  // when to try to present again

  frame::Cursor cursor_;
  std::unique_ptr<SDL_Cursor, CursorDeleter> shape_;
  gpu::Rect patched_;  // where a pointer is drawn in the picture

  bool captured_ = false;
  bool follow_ = false;
  std::optional<Clock::time_point> ask_at_;  // for a mode of the window's size
  Size asked_;
  std::set<std::uint16_t> keys_down_;
  std::set<std::uint16_t> buttons_down_;
  double wheel_x_ = 0;  // what is less than a step yet
  double wheel_y_ = 0;
  double motion_x_ = 0;
  double motion_y_ = 0;
  std::array<std::optional<SDL_FingerID>, 10> fingers_;
  std::optional<input::Leds> leds_;
};

}  // namespace hesper::screen::window
