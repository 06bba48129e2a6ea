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
  std::string mode = "1280x800";  // as parse_display_mode() reads it
  bool json = false;              // of a list
};
// All return 0, or 1 with an error in the log.
[[nodiscard]] int set_display(const DisplayOptions& options);
// Connects the first display that is not, and prints its number. options.display does not count.
[[nodiscard]] int add_display(const DisplayOptions& options);
// Prints them all.
[[nodiscard]] int list_displays(const DisplayOptions& options);

}  // namespace hesper::cli
