// Reading and writing a DisplayMode.
#include "cli/display_mode.h"

#include <fmt/format.h>

#include <cerrno>
#include <charconv>
#include <cmath>

namespace hesper::cli {
namespace {

template <class T>
bool read_number(std::string_view& text, T& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc()) return false;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return true;
}

bool skip(std::string_view& text, char c) {
  if (!text.starts_with(c)) return false;
  text.remove_prefix(1);
  return true;
}

}  // namespace

Result<DisplayMode> parse_display_mode(std::string_view text) {
  DisplayMode mode;
  if (text == "off") {
    mode.connected = false;
    return mode;
  }
  const auto wrong = [text] {
    return fail(fmt::format("'{}' is no display mode; write it as 1920x1080, 2560x1440@119.88 or off.", text), EINVAL);
  };
  std::string_view rest = text;
  if (!read_number(rest, mode.width) || !skip(rest, 'x') || !read_number(rest, mode.height)) return wrong();
  double hertz = 60;
  if (skip(rest, '@') && !read_number(rest, hertz)) return wrong();
  if (!rest.empty()) return wrong();
  const auto possible = [](std::uint32_t size) { return size >= 32 && size <= 16'384; };
  if (!possible(mode.width) || !possible(mode.height) || !(hertz >= 1 && hertz <= 1000))
    return fail(
        fmt::format("The display mode '{}' is not possible: sizes are from 32 to 16384, rates from 1 to 1000.", text),
        EINVAL);
  mode.refresh_mhz = static_cast<std::uint32_t>(std::lround(hertz * 1000));
  return mode;
}

std::string to_string(const DisplayMode& mode) {
  if (!mode.connected) return "off";
  const std::uint32_t rest = mode.refresh_mhz % 1000;
  return fmt::format("{}x{}@{}{}", mode.width, mode.height, mode.refresh_mhz / 1000,
                     rest == 0 ? std::string() : fmt::format(".{:03}", rest));
}

}  // namespace hesper::cli
