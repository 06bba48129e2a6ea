// Displays in windows of this host, as an output of hesper-view. docs/window.md is the manual.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/error.h"
#include "screen/output.h"
#include "screen/window/layout.h"

namespace hesper::screen {

struct WindowOptions {
  enum class Renderer : std::uint8_t { automatic, vulkan, software };
  Renderer renderer = Renderer::automatic;  // automatic: Vulkan if there is a GPU, else software
  window::Scaling scaling = window::Scaling::fit;
  bool vsync = true;                    // only Vulkan can
  bool full_screen = false;             // each window on its screen
  bool follow = false;                  // the guest's mode follows the window's size
  std::vector<std::uint32_t> displays;  // empty: all, as they come and go
  std::string name = "Hesper";          // in titles
};

// Opens nothing: display server and GPU can only be had when it begins. Errors, then: there is no display server, or
// Vulkan was asked for and cannot be used.
[[nodiscard]] Result<Prepared> prepare_window(const WindowOptions& options, const Preparing& preparing);

}  // namespace hesper::screen
