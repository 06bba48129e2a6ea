// Which window system SDL uses.
#pragma once

#include <SDL3/SDL_video.h>

#include <string_view>

namespace hesper::screen::window {

// name: "x11", "wayland", ... The thread that uses SDL.
[[nodiscard]] inline bool video_driver_is(std::string_view name) noexcept {
  const char* driver = SDL_GetCurrentVideoDriver();
  return driver != nullptr && driver == name;
}

}  // namespace hesper::screen::window
