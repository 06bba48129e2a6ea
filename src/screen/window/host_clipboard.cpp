// HostClipboard by SDL.
//
// A Wayland compositor lets a client set the clipboard only with the number of a key or button that was pressed in its
// window after the clipboard was last set. SDL takes any number, does not learn that the compositor has dropped what it
// set, and believes itself the clipboard's owner from then on. So what the guest copies waits until it can be set.
#include "screen/window/host_clipboard.h"

#include <SDL3/SDL.h>

#include <utility>

#include "base/log.h"
#include "screen/window/video_driver.h"

namespace hesper::screen::window {

HostClipboard::HostClipboard(clipboard::Clipboard& guest, Wake wake)
    : wake_(std::move(wake)), needs_press_(video_driver_is("wayland")) {
  holder_ = guest.join({.on_ways = {}, .on_text = [this](const clipboard::Text& text) {
                          {
                            const std::lock_guard lock(mutex_);
                            copied_ = text;
                          }
                          wake_();
                        }});
}

HostClipboard::~HostClipboard() = default;

void HostClipboard::on_event(const SDL_Event& event) {
  switch (event.type) {
    case SDL_EVENT_CLIPBOARD_UPDATE:
      if (!event.clipboard.owner) take();
      return;
    // What is copied elsewhere is the guest's once somebody comes here with it.
    case SDL_EVENT_WINDOW_FOCUS_GAINED: take(); return;
    case SDL_EVENT_WINDOW_FOCUS_LOST: pressed_ = false; return;  // what others copy now, nobody tells us
    case SDL_EVENT_KEY_DOWN:
    case SDL_EVENT_MOUSE_BUTTON_DOWN:
      pressed_ = true;
      give();
      return;
    default: return;
  }
}

void HostClipboard::on_text() {
  clipboard::Text text;
  {
    const std::lock_guard lock(mutex_);
    text = std::exchange(copied_, nullptr);
  }
  if (!text) return;
  ready_ = *text;
  give();
}

bool HostClipboard::may_give() const { return !needs_press_ || (pressed_ && SDL_GetKeyboardFocus() != nullptr); }

void HostClipboard::give() {
  if (!ready_ || !may_give()) return;
  known_ = *std::exchange(ready_, std::nullopt);
  if (!SDL_SetClipboardText(known_.c_str())) log::info("The clipboard cannot be set: {}", SDL_GetError());
}

void HostClipboard::take() {
  if (SDL_GetKeyboardFocus() == nullptr || !SDL_HasClipboardText()) return;
  const std::unique_ptr<char, decltype(&SDL_free)> text(SDL_GetClipboardText(), SDL_free);
  if (!text || known_ == text.get()) return;  // also what we have set
  known_ = text.get();
  ready_.reset();
  pressed_ = false;
  holder_->offer(known_);
}

}  // namespace hesper::screen::window
