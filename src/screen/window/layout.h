// Layout: where a picture lies in a window. Arithmetic only.
#pragma once

#include <cstdint>

#include "gpu/geometry.h"

namespace hesper::screen::window {

enum class Scaling : std::uint8_t {
  fit,      // as large as the window lets it be, in its proportions
  integer,  // likewise, but by a whole number, at least 1
  original  // pixel by pixel
};

struct Size {
  std::uint32_t width = 0;  // pixels
  std::uint32_t height = 0;
  friend bool operator==(const Size&, const Size&) = default;
};

// All but the sizes may lie outside of the window, if the picture is larger.
struct Layout {
  Size picture;        // not 0
  std::int32_t x = 0;  // of the scaled picture's top left pixel, in pixels of the window
  std::int32_t y = 0;
  std::uint32_t width = 0;  // of the scaled picture
  std::uint32_t height = 0;

  [[nodiscard]] bool is_scaled() const noexcept { return width != picture.width || height != picture.height; }
  // The pixel of the picture that is at this place of the window; the nearest one if that is beside the picture.
  [[nodiscard]] gpu::Point pixel_at(double window_x, double window_y) const noexcept;
  friend bool operator==(const Layout&, const Layout&) = default;
};

// Both sizes are not 0; the picture's at most 65536 each way. tolerance: pixels by which the window may miss the
// picture's size without that it is scaled to fit: where a window has its size in points of, say, 1.5 pixels, it cannot
// have every size.
[[nodiscard]] Layout lay_out(const Size& picture, const Size& window, Scaling scaling,
                             std::uint32_t tolerance = 0) noexcept;

}  // namespace hesper::screen::window
