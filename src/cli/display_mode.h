// DisplayMode: what a user writes for a screen: 1920x1080, 2560x1440@119.88, off.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.h"

namespace hesper::cli {

struct DisplayMode {
  bool connected = true;
  std::uint32_t width = 1280;          // pixels
  std::uint32_t height = 800;          // likewise
  std::uint32_t refresh_mhz = 60'000;  // millihertz
  friend bool operator==(const DisplayMode&, const DisplayMode&) = default;
};

// Sizes from 32 to 16384, rates from 1 to 1000 Hz; without a rate, 60 Hz.
[[nodiscard]] Result<DisplayMode> parse_display_mode(std::string_view text);
// What parse_display_mode() reads.
[[nodiscard]] std::string to_string(const DisplayMode& mode);

}  // namespace hesper::cli
