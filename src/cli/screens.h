// hesper screenshot and hesper display: ask a running hesper gpu over its control socket. What comes back is the
// guest's: its sizes are checked against the file that comes with them.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

namespace hesper::cli {

struct ScreenshotOptions {
  std::filesystem::path socket;  // of hesper gpu
  std::filesystem::path output = "screenshot.png";
  std::uint32_t display = 0;
  bool cursor = false;  // draw it into the picture
};
// Returns 0, or 1 with an error in the log.
[[nodiscard]] int take_screenshot(const ScreenshotOptions& options);

struct DisplayOptions {
  std::filesystem::path socket;  // of hesper gpu
  std::uint32_t display = 0;
  std::string mode;  // as parse_display_mode() reads it
};
// Returns 0, or 1 with an error in the log.
[[nodiscard]] int set_display(const DisplayOptions& options);

}  // namespace hesper::cli
