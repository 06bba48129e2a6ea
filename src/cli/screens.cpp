// hesper screenshot and hesper display.
#include "cli/screens.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <nlohmann/json.hpp>
#include <span>
#include <utility>
#include <vector>

#include "base/log.h"
#include "cli/control_client.h"
#include "cli/display_mode.h"
#include "cli/png.h"
#include "device/control.h"
#include "device/report.h"

namespace hesper::cli {
namespace {

constexpr std::uint32_t kCursorSize = 64;  // pixels, both ways
constexpr std::size_t kPixel = 4;          // bytes

// Over what is there; the cursor's colours are premultiplied.
void draw_cursor(std::span<std::byte> picture, std::uint32_t width, std::uint32_t height,
                 std::span<const std::byte> cursor, std::int32_t left, std::int32_t top) {
  for (std::uint32_t row = 0; row < kCursorSize; ++row) {
    for (std::uint32_t column = 0; column < kCursorSize; ++column) {
      const std::int64_t x = std::int64_t{left} + column;
      const std::int64_t y = std::int64_t{top} + row;
      if (x < 0 || y < 0 || x >= width || y >= height) continue;
      const auto over = cursor.subspan((std::size_t{row} * kCursorSize + column) * kPixel, kPixel);
      const auto pixel =
          picture.subspan((static_cast<std::size_t>(y) * width + static_cast<std::size_t>(x)) * kPixel, kPixel);
      const unsigned rest = 255 - std::to_integer<unsigned>(over[3]);
      for (std::size_t i = 0; i < 3; ++i) {
        const unsigned sum =
            std::to_integer<unsigned>(over[i]) + (std::to_integer<unsigned>(pixel[i]) * rest + 127) / 255;
        pixel[i] = static_cast<std::byte>(std::min(sum, 255u));
      }
    }
  }
}

Result<void> screenshot(const ScreenshotOptions& options) {
  auto picture = ask_for_picture(options.socket, options.display);
  if (!picture) return std::unexpected(std::move(picture.error()));
  std::vector<std::byte>& pixels = picture->pixels;
  if (options.cursor && !picture->cursor.empty())
    draw_cursor(pixels, picture->width, picture->height, picture->cursor, picture->cursor_x, picture->cursor_y);
  for (std::size_t at = 0; at < pixels.size(); at += kPixel) {
    std::swap(pixels[at], pixels[at + 2]);  // PNG's order
    pixels[at + 3] = std::byte{0xff};       // nothing lies behind a screen
  }
  return write_png(options.output, picture->width, picture->height, pixels);
}

int status_of(const Result<void>& result) {
  if (result) return 0;
  log::error("{}", result.error().message);
  return 1;
}

}  // namespace

int take_screenshot(const ScreenshotOptions& options) { return status_of(screenshot(options)); }

int set_display(const DisplayOptions& options) {
  const auto mode = parse_display_mode(options.mode);
  if (!mode) return status_of(std::unexpected(mode.error()));
  const auto answer = ask_gpu(options.socket, {.command = device::ControlCommand::set_display,
                                               .display = options.display,
                                               .connected = mode->connected ? 1u : 0u,
                                               .width = mode->width,
                                               .height = mode->height,
                                               .refresh_mhz = mode->refresh_mhz});
  return status_of(answer ? Result<void>() : std::unexpected(answer.error()));
}

int add_display(const DisplayOptions& options) {
  const auto mode = parse_display_mode(options.mode);
  if (!mode) return status_of(std::unexpected(mode.error()));
  if (!mode->connected) return status_of(fail("A display that is added has a size; off is none.", EINVAL));
  const auto answer = ask_gpu(options.socket, {.command = device::ControlCommand::add_display,
                                               .connected = 1,
                                               .width = mode->width,
                                               .height = mode->height,
                                               .refresh_mhz = mode->refresh_mhz});
  if (!answer) return status_of(std::unexpected(answer.error()));
  fmt::print("{}\n", answer->reply.display);
  return 0;
}

int list_displays(const DisplayOptions& options) {
  const auto report = ask_for_report(options.socket);
  if (!report) return status_of(std::unexpected(report.error()));
  nlohmann::json list = nlohmann::json::array();
  for (std::uint32_t i = 0; i < report->display_count; ++i) {
    const device::DisplayReport& display = report->displays[i];
    const DisplayMode mode{.connected = display.connected != 0,
                           .width = display.width,
                           .height = display.height,
                           .refresh_mhz = display.refresh_mhz};
    if (options.json) {
      nlohmann::json entry{{"display", i}, {"connected", mode.connected}, {"shows", nullptr}};
      if (mode.connected) entry["mode"] = to_string(mode);
      if (display.shown_width != 0) entry["shows"] = {{"width", display.shown_width}, {"height", display.shown_height}};
      list.push_back(std::move(entry));
      continue;
    }
    const std::string shows = display.shown_width == 0
                                  ? std::string("nothing")
                                  : fmt::format("{}x{}", display.shown_width, display.shown_height);
    fmt::print("{:<3} {:<20} shows {}\n", i, to_string(mode), shows);
  }
  if (options.json) fmt::print("{}\n", list.dump(2));
  return 0;
}

}  // namespace hesper::cli
