// HostClipboard: the clipboard of the host that windows are on, and the guest's, which are one. Knows no window.
#pragma once

#include <SDL3/SDL_events.h>

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "clipboard/clipboard.h"

namespace hesper::screen::window {

// The thread that uses SDL.
class HostClipboard {
 public:
  // The guest has copied something: on_text() is to be called. Any thread.
  using Wake = std::function<void()>;
  HostClipboard(clipboard::Clipboard& guest, Wake wake);
  HostClipboard(const HostClipboard&) = delete;
  HostClipboard& operator=(const HostClipboard&) = delete;
  ~HostClipboard();

  // Each event of SDL's, before what it makes others do.
  void on_event(const SDL_Event& event);
  void on_text();

 private:
  void take();
  void give();
  [[nodiscard]] bool may_give() const;

  const Wake wake_;
  std::string known_;                 // what the host's clipboard had when it was last looked at or set
  std::optional<std::string> ready_;  // the guest's, once the host's may be set
  const bool needs_press_;            // Wayland takes it only from who was typed to or clicked at
  bool pressed_ = false;              // since somebody else has copied something

  std::mutex mutex_;        // of the next
  clipboard::Text copied_;  // by the guest, and not looked at yet

  std::unique_ptr<clipboard::Holder> holder_;  // the last: calls us
};

}  // namespace hesper::screen::window
