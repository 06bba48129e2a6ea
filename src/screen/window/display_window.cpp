// DisplayWindow on SDL.
#include "screen/window/display_window.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/log.h"
#include "input/keymap.h"
#include "input/position.h"

namespace hesper::screen::window {
namespace {

constexpr std::chrono::milliseconds kTryAgain{16};
constexpr std::chrono::milliseconds kFollowAfter{250};  // that a window has kept its size: a drag has many
constexpr double kNotch = 120;
constexpr SDL_Keymod kHotKeys = SDL_KMOD_CTRL | SDL_KMOD_ALT;

constexpr std::uint16_t kLeftButton = 0x110;
constexpr std::uint16_t kCapsLock = 58;
constexpr std::uint16_t kNumLock = 69;

std::optional<std::uint16_t> button_of(std::uint8_t sdl) {
  switch (sdl) {
    case SDL_BUTTON_LEFT: return kLeftButton;
    case SDL_BUTTON_RIGHT: return kLeftButton + 1;
    case SDL_BUTTON_MIDDLE: return kLeftButton + 2;
    case SDL_BUTTON_X1: return kLeftButton + 3;
    case SDL_BUTTON_X2: return kLeftButton + 4;
    default: return std::nullopt;
  }
}

// Whole steps of what has come together; the rest stays.
std::int32_t take_whole(double& sum) {
  const double whole = std::trunc(std::clamp(sum, -1e6, 1e6));
  sum -= whole;
  return static_cast<std::int32_t>(whole);
}

}  // namespace

Result<std::unique_ptr<DisplayWindow>> DisplayWindow::open(Setup setup, const Size& picture) {
  std::unique_ptr<DisplayWindow> window(new DisplayWindow(std::move(setup)));
  const Setup& its = window->setup_;
  if (its.vulkan) {
    if (auto made = window->make_window(picture, SDL_WINDOW_VULKAN); !made)
      return std::unexpected(std::move(made.error()));
    auto presenter = make_vulkan_presenter(its.vulkan, window->window_.get(), its.options->vsync);
    if (presenter)
      window->presenter_ = std::move(*presenter);
    else if (its.options->renderer == WindowOptions::Renderer::vulkan)
      return std::unexpected(std::move(presenter.error()));
    else
      log::info("A window is drawn by software: {}", presenter.error().message);
  }
  if (!window->presenter_) {
    window->window_.reset();
    if (auto made = window->make_window(picture, 0); !made) return std::unexpected(std::move(made.error()));
    auto presenter = make_software_presenter(window->window_.get());
    if (!presenter) return std::unexpected(std::move(presenter.error()));
    window->presenter_ = std::move(*presenter);
  }
  window->scaling_ = its.options->scaling;
  window->follow_ = its.options->follow;
  window->ledger_ = its.shown->ledger.open("window", its.display);
  window->sink_ = its.shown->input.join(its.on_leds);
  if (its.options->full_screen) SDL_SetWindowFullscreen(window->window_.get(), true);
  window->set_title();
  window->present();
  return window;
}

DisplayWindow::~DisplayWindow() {
  if (captured_) capture(false);
  presenter_.reset();  // before its window
}

Result<void> DisplayWindow::make_window(const Size& picture, SDL_WindowFlags more) {
  picture_ = picture;
  window_.reset(SDL_CreateWindow(setup_.options->name.c_str(), static_cast<int>(picture.width),
                                 static_cast<int>(picture.height),
                                 SDL_WINDOW_RESIZABLE | SDL_WINDOW_HIGH_PIXEL_DENSITY | more));
  if (!window_) return fail(fmt::format("A window cannot be opened: {}", SDL_GetError()));
  set_size(picture);
  return {};
}

void DisplayWindow::set_title() {
  std::string title = setup_.options->name;
  if (setup_.display != 0) title += fmt::format(", display {}", setup_.display);
  title += captured_ ? " (Ctrl+Alt+G lets go of keyboard and mouse)" : " (Ctrl+Alt+G captures keyboard and mouse)";
  SDL_SetWindowTitle(window_.get(), title.c_str());
}

// A picture of another size: the window gets it, unless it has a size of its own.
void DisplayWindow::set_size(const Size& picture) {
  picture_ = picture;
  if ((SDL_GetWindowFlags(window_.get()) & (SDL_WINDOW_FULLSCREEN | SDL_WINDOW_MAXIMIZED)) != 0 || follow_) return;
  const double density = std::max(0.1, double{SDL_GetWindowPixelDensity(window_.get())});
  SDL_SetWindowSize(window_.get(), static_cast<int>(std::lround(picture.width / density)),
                    static_cast<int>(std::lround(picture.height / density)));
}

void DisplayWindow::take(frame::News& news) {
  if (news.frame) {
    if (last_serial_ != 0 && news.frame->serial > last_serial_ + 1)
      ledger_->skip(news.frame->serial - last_serial_ - 1);
    last_serial_ = news.frame->serial;
    const Size size{.width = news.frame->width, .height = news.frame->height};
    const bool other = !frame_ || frame_->format != news.frame->format || size != picture_;
    frame_ = std::move(news.frame);
    if (size != picture_) set_size(size);
    damage_.clip(size.width, size.height);
    for (const gpu::Rect& rect : frame_->damage) damage_.add(rect);
    if (other) damage_.add({.width = size.width, .height = size.height});
    // A flush of nothing is nothing to show.
    if (!damage_.empty()) {
      row_ = frame::row_of(*frame_);
      (*row_)[static_cast<std::size_t>(frame::Stage::taken)] = frame::now_ns();
      dirty_ = true;
    }
  } else if (news.blank) {
    frame_.reset();
    damage_.clear();
    dirty_ = true;
  }
  if (news.cursor) {
    const bool reshaped = news.cursor->shape != cursor_.shape;
    cursor_ = *news.cursor;
    if (reshaped) {
      shape_.reset();
      show_cursor();
    }
    if (captured_) dirty_ = true;
  }
  present();
}

void DisplayWindow::present() {
  again_.reset();
  if (!visible_ || !dirty_ || !presenter_) return;
  int width = 0;
  int height = 0;
  SDL_GetWindowSizeInPixels(window_.get(), &width, &height);
  if (width <= 0 || height <= 0) return;
  size_ = {.width = static_cast<std::uint32_t>(width), .height = static_cast<std::uint32_t>(height)};
  const double density = SDL_GetWindowPixelDensity(window_.get());
  const auto tolerance = density == std::floor(density) ? 0U : static_cast<std::uint32_t>(std::ceil(density));
  layout_ = lay_out(picture_, size_, scaling_, tolerance);
  // Where a pointer was drawn, there is the picture again.
  if (frame_ && !patched_.empty()) damage_.add(intersect(patched_, {.width = frame_->width, .height = frame_->height}));
  const std::optional<Patch> patch = cursor_patch();
  std::uint64_t copied = 0;
  const auto presented = presenter_->present({.frame = frame_ ? &*frame_ : nullptr,
                                              .damage = &damage_,
                                              .patch = patch ? &*patch : nullptr,
                                              .exposed = exposed_,
                                              .window = size_,
                                              .layout = layout_},
                                             copied);
  if (copied != 0) ledger_->count_copy(copied);
  if (!presented) {
    log::error("A window shows nothing any more: {}", presented.error().message);
    presenter_.reset();
    return;
  }
  if (*presented == Presented::later) {
    again_ = Clock::now() + kTryAgain;
    return;
  }
  patched_ = patch ? patch->area : gpu::Rect{};
  damage_.clear();
  dirty_ = exposed_ = false;
  if (row_) {
    (*row_)[static_cast<std::size_t>(frame::Stage::presented)] = frame::now_ns();
    ledger_->add(*row_);
    row_.reset();
  }
}

gpu::Rect DisplayWindow::cursor_area() const {
  const auto part = [](std::int32_t at, std::uint32_t size) {
    const std::int64_t begin = std::max<std::int64_t>(at, 0);
    const std::int64_t end = std::min<std::int64_t>(std::int64_t{at} + gpu::kCursorSize, size);
    return std::pair(static_cast<std::uint32_t>(begin),
                     static_cast<std::uint32_t>(std::max<std::int64_t>(end - begin, 0)));
  };
  const auto [x, width] = part(cursor_.position.x, frame_->width);
  const auto [y, height] = part(cursor_.position.y, frame_->height);
  return {.x = x, .y = y, .width = width, .height = height};
}

// While the mouse is captured, the host's pointer is hidden, and the guest's is where the guest has it.
std::optional<Patch> DisplayWindow::cursor_patch() {
  if (!captured_ || !frame_ || !cursor_.shape) return std::nullopt;
  const gpu::Rect area = cursor_area();
  if (area.empty()) return std::nullopt;
  Patch patch{.area = area,
              .pixels = std::vector<std::byte>(std::size_t{gpu::kBytesPerPixel} * area.width * area.height)};
  for (std::uint32_t y = 0; y < area.height; ++y) {
    const std::size_t row_bytes = std::size_t{gpu::kBytesPerPixel} * area.width;
    const auto row = frame_->row(area.y + y).subspan(std::size_t{gpu::kBytesPerPixel} * area.x, row_bytes);
    const auto to = std::span(patch.pixels).subspan(row_bytes * y, row_bytes);
    gpu::convert_to_b8g8r8a8(frame_->format, row, to);
    const auto shape_y = static_cast<std::size_t>(static_cast<std::int64_t>(area.y + y) - cursor_.position.y);
    const auto shape_x = static_cast<std::size_t>(static_cast<std::int64_t>(area.x) - cursor_.position.x);
    const auto over = std::span(cursor_.shape->pixels)
                          .subspan(gpu::kBytesPerPixel * (shape_y * gpu::kCursorSize + shape_x), row_bytes);
    for (std::size_t at = 0; at < row_bytes; at += gpu::kBytesPerPixel) {
      const unsigned rest = 255 - std::to_integer<unsigned>(over[at + 3]);
      for (std::size_t channel = 0; channel < 3; ++channel) {
        const unsigned sum = std::to_integer<unsigned>(over[at + channel]) +
                             (std::to_integer<unsigned>(to[at + channel]) * rest + 127) / 255;
        to[at + channel] = static_cast<std::byte>(std::min(sum, 255U));
      }
    }
  }
  return patch;
}

// The guest's pointer in the place of the host's. SDL has one for all windows: that of the one under the mouse.
void DisplayWindow::show_cursor() {
  if (SDL_GetMouseFocus() != window_.get()) return;
  if (!cursor_.shape) {
    SDL_SetCursor(SDL_GetDefaultCursor());
    return;
  }
  if (!shape_) {
    auto pixels = cursor_.shape->pixels;
    for (std::size_t at = 0; at < pixels.size(); at += gpu::kBytesPerPixel) {
      const unsigned alpha = std::to_integer<unsigned>(pixels[at + 3]);
      for (std::size_t channel = 0; channel < 3 && alpha != 0; ++channel)
        pixels[at + channel] =
            static_cast<std::byte>(std::min(255U, std::to_integer<unsigned>(pixels[at + channel]) * 255 / alpha));
    }
    constexpr int kSize = gpu::kCursorSize;
    SDL_Surface* surface = SDL_CreateSurfaceFrom(kSize, kSize, SDL_PIXELFORMAT_BGRA32, pixels.data(),
                                                 kSize * static_cast<int>(gpu::kBytesPerPixel));
    shape_.reset(
        SDL_CreateColorCursor(surface, static_cast<int>(cursor_.shape->hot_x), static_cast<int>(cursor_.shape->hot_y)));
    SDL_DestroySurface(surface);
  }
  SDL_SetCursor(shape_ ? shape_.get() : SDL_GetDefaultCursor());
}

void DisplayWindow::on_event(const SDL_Event& event) {
  switch (event.type) {
    case SDL_EVENT_WINDOW_PIXEL_SIZE_CHANGED:
      if (follow_) ask_at_ = Clock::now() + kFollowAfter;
      [[fallthrough]];
    case SDL_EVENT_WINDOW_EXPOSED:
    case SDL_EVENT_WINDOW_SHOWN:
    case SDL_EVENT_WINDOW_RESTORED:
      visible_ = true;
      dirty_ = exposed_ = true;
      present();
      return;
    case SDL_EVENT_WINDOW_MINIMIZED:
    case SDL_EVENT_WINDOW_HIDDEN:
    case SDL_EVENT_WINDOW_OCCLUDED: visible_ = false; return;
    case SDL_EVENT_WINDOW_FOCUS_GAINED: match_locks(); return;
    case SDL_EVENT_WINDOW_FOCUS_LOST:
      capture(false);
      let_go();
      return;
    case SDL_EVENT_WINDOW_MOUSE_ENTER: show_cursor(); return;
    case SDL_EVENT_WINDOW_MOUSE_LEAVE: SDL_SetCursor(SDL_GetDefaultCursor()); return;
    case SDL_EVENT_KEY_DOWN:
    case SDL_EVENT_KEY_UP:
      if (!on_hot_key(event.key)) on_key(event.key);
      return;
    case SDL_EVENT_MOUSE_MOTION: on_motion(event.motion); return;
    case SDL_EVENT_MOUSE_BUTTON_DOWN:
    case SDL_EVENT_MOUSE_BUTTON_UP:
      if (const auto button = button_of(event.button.button)) {
        if (!captured_) point_at(event.button.x, event.button.y);
        if (event.button.down)
          buttons_down_.insert(*button);
        else
          buttons_down_.erase(*button);
        sink_->button(input::KeyCode{*button}, event.button.down);
        sink_->flush();
      }
      return;
    case SDL_EVENT_MOUSE_WHEEL: on_wheel(event.wheel); return;
    case SDL_EVENT_FINGER_DOWN:
    case SDL_EVENT_FINGER_MOTION:
    case SDL_EVENT_FINGER_UP:
    case SDL_EVENT_FINGER_CANCELED: on_finger(event.tfinger); return;
    default: return;
  }
}

// Ctrl+Alt and a letter is for the window, and does not reach the guest.
bool DisplayWindow::on_hot_key(const SDL_KeyboardEvent& event) {
  if (!event.down || (event.mod & SDL_KMOD_CTRL) == 0 || (event.mod & SDL_KMOD_ALT) == 0) return false;
  static_assert((kHotKeys & SDL_KMOD_GUI) == 0);
  switch (event.scancode) {
    case SDL_SCANCODE_G:
    case SDL_SCANCODE_F:
    case SDL_SCANCODE_S:
    case SDL_SCANCODE_R: break;
    default: return false;
  }
  if (event.repeat) return true;
  let_go();  // Ctrl and Alt are down in the guest
  if (event.scancode == SDL_SCANCODE_G) {
    capture(!captured_);
  } else if (event.scancode == SDL_SCANCODE_F) {
    const bool is_full = (SDL_GetWindowFlags(window_.get()) & SDL_WINDOW_FULLSCREEN) != 0;
    SDL_SetWindowFullscreen(window_.get(), !is_full);
  } else if (event.scancode == SDL_SCANCODE_S) {
    scaling_ = scaling_ == Scaling::fit       ? Scaling::integer
               : scaling_ == Scaling::integer ? Scaling::original
                                              : Scaling::fit;
    dirty_ = true;
    present();
  } else {
    follow_ = !follow_;
    if (follow_) follow_size();
  }
  return true;
}

void DisplayWindow::on_key(const SDL_KeyboardEvent& event) {
  const auto key = input::key_of_usb(static_cast<std::uint32_t>(event.scancode));
  if (!key || event.repeat) return;
  const auto number = static_cast<std::uint16_t>(*key);
  if (event.down)
    keys_down_.insert(number);
  else if (keys_down_.erase(number) == 0)
    return;  // went down elsewhere
  sink_->key(*key, event.down);
  sink_->flush();
}

void DisplayWindow::let_go() {
  for (const std::uint16_t key : std::exchange(keys_down_, {})) sink_->key(input::KeyCode{key}, false);
  for (const std::uint16_t button : std::exchange(buttons_down_, {})) sink_->button(input::KeyCode{button}, false);
  for (std::uint32_t finger = 0; finger < fingers_.size(); ++finger)
    if (std::exchange(fingers_[finger], std::nullopt)) sink_->touch_end(finger);
  sink_->flush();
}

void DisplayWindow::capture(bool on) {
  if (on == captured_) return;
  captured_ = on;
  SDL_SetWindowRelativeMouseMode(window_.get(), on);
  SDL_SetWindowKeyboardGrab(window_.get(), on);
  motion_x_ = motion_y_ = 0;
  set_title();
  show_cursor();
  dirty_ = true;  // the pointer is drawn, or no longer
  present();
}

void DisplayWindow::point_at(double x, double y) {
  const double density = SDL_GetWindowPixelDensity(window_.get());
  const gpu::Point pixel = layout_.pixel_at(x * density, y * density);
  sink_->move_to(setup_.display, input::absolute_of(static_cast<std::uint32_t>(pixel.x), picture_.width),
                 input::absolute_of(static_cast<std::uint32_t>(pixel.y), picture_.height));
}

void DisplayWindow::on_motion(const SDL_MouseMotionEvent& event) {
  if (!captured_) {
    point_at(event.x, event.y);
    sink_->flush();
    return;
  }
  motion_x_ += double{event.xrel};
  motion_y_ += double{event.yrel};
  const std::int32_t x = take_whole(motion_x_);
  const std::int32_t y = take_whole(motion_y_);
  if (x == 0 && y == 0) return;
  sink_->move_by(x, y);
  sink_->flush();
}

void DisplayWindow::on_wheel(const SDL_MouseWheelEvent& event) {
  wheel_x_ += double{event.x} * kNotch;
  wheel_y_ += double{event.y} * kNotch;
  const std::int32_t x = take_whole(wheel_x_);
  const std::int32_t y = take_whole(wheel_y_);
  if (x == 0 && y == 0) return;
  sink_->scroll(y, x);
  sink_->flush();
}

void DisplayWindow::on_finger(const SDL_TouchFingerEvent& event) {
  auto place = std::ranges::find(fingers_, std::optional(event.fingerID));
  if (place == fingers_.end()) place = std::ranges::find(fingers_, std::optional<SDL_FingerID>());
  if (place == fingers_.end()) return;  // more than ten
  const auto finger = static_cast<std::uint32_t>(place - fingers_.begin());
  if (event.type == SDL_EVENT_FINGER_UP || event.type == SDL_EVENT_FINGER_CANCELED) {
    if (std::exchange(*place, std::nullopt)) sink_->touch_end(finger);
  } else {
    *place = event.fingerID;
    const gpu::Point pixel = layout_.pixel_at(double{event.x} * size_.width, double{event.y} * size_.height);
    sink_->touch(finger, setup_.display, input::absolute_of(static_cast<std::uint32_t>(pixel.x), picture_.width),
                 input::absolute_of(static_cast<std::uint32_t>(pixel.y), picture_.height));
  }
  sink_->flush();
}

void DisplayWindow::follow_size() {
  ask_at_.reset();
  int width = 0;
  int height = 0;
  SDL_GetWindowSizeInPixels(window_.get(), &width, &height);
  const Size size{.width = static_cast<std::uint32_t>(std::max(width, 1)),
                  .height = static_cast<std::uint32_t>(std::max(height, 1))};
  if (size == picture_ || size == asked_) return;
  asked_ = size;
  setup_.shown->source.ask_for_mode(setup_.display, size.width, size.height, 0);
}

std::optional<Clock::time_point> DisplayWindow::due() const {
  if (again_ && ask_at_) return std::min(*again_, *ask_at_);
  return again_ ? again_ : ask_at_;
}

void DisplayWindow::on_time() {
  const auto now = Clock::now();
  if (ask_at_ && *ask_at_ <= now) follow_size();
  if (again_ && *again_ <= now) present();
}

void DisplayWindow::on_leds(input::Leds leds) {
  const bool first = !leds_;
  leds_ = leds;
  if (first && SDL_GetKeyboardFocus() == window_.get()) match_locks();
}

// The guest's locks become the host's: somebody may have changed those while he was elsewhere.
void DisplayWindow::match_locks() {
  if (!leds_) return;
  const SDL_Keymod host = SDL_GetModState();
  const auto press = [&](std::uint16_t key) {
    sink_->key(input::KeyCode{key}, true);
    sink_->flush();
    sink_->key(input::KeyCode{key}, false);
    sink_->flush();
  };
  if (leds_->caps_lock != ((host & SDL_KMOD_CAPS) != 0)) press(kCapsLock);
  if (leds_->num_lock != ((host & SDL_KMOD_NUM) != 0)) press(kNumLock);
}

}  // namespace hesper::screen::window
