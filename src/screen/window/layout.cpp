// Layout: in the middle of the window.
#include "screen/window/layout.h"

#include <algorithm>
#include <cmath>

namespace hesper::screen::window {

Layout lay_out(const Size& picture, const Size& window, Scaling scaling, std::uint32_t tolerance) noexcept {
  Layout layout{.picture = picture, .width = picture.width, .height = picture.height};
  const auto is_near = [&](std::uint32_t a, std::uint32_t b) { return std::max(a, b) - std::min(a, b) <= tolerance; };
  if (scaling == Scaling::fit && !(is_near(picture.width, window.width) && is_near(picture.height, window.height))) {
    // The side that touches the window's edges gets its size exactly.
    if (std::uint64_t{window.width} * picture.height <= std::uint64_t{window.height} * picture.width) {
      layout.width = window.width;
      layout.height = static_cast<std::uint32_t>((std::uint64_t{picture.height} * window.width + picture.width / 2) /
                                                 picture.width);
    } else {
      layout.height = window.height;
      layout.width = static_cast<std::uint32_t>((std::uint64_t{picture.width} * window.height + picture.height / 2) /
                                                picture.height);
    }
    layout.width = std::max(layout.width, 1U);
    layout.height = std::max(layout.height, 1U);
  } else if (scaling == Scaling::integer) {
    const std::uint32_t times = std::max(1U, std::min(window.width / picture.width, window.height / picture.height));
    layout.width *= times;
    layout.height *= times;
  }
  const auto middle = [](std::uint32_t outer, std::uint32_t inner) {
    return static_cast<std::int32_t>((std::int64_t{outer} - std::int64_t{inner}) / 2);
  };
  layout.x = middle(window.width, layout.width);
  layout.y = middle(window.height, layout.height);
  return layout;
}

gpu::Point Layout::pixel_at(double window_x, double window_y) const noexcept {
  const auto place = [](double at, std::int32_t from, std::uint32_t scaled, std::uint32_t size) {
    const double pixel = std::floor((at - from) * size / scaled);
    return static_cast<std::int32_t>(std::clamp(pixel, 0.0, static_cast<double>(size) - 1));
  };
  return {.x = place(window_x, x, width, picture.width), .y = place(window_y, y, height, picture.height)};
}

}  // namespace hesper::screen::window
