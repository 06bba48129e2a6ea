// Canvas: a display's picture with the cursor in it, as a recording has it. Scales nothing, encodes nothing.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "frame/frame.h"
#include "gpu/geometry.h"
#include "video/pixels.h"

namespace hesper::screen::record {

// Of one size and format. One thread at a time.
class Canvas {
 public:
  // Black, without a cursor.
  Canvas(gpu::Format format, std::uint32_t width, std::uint32_t height);

  [[nodiscard]] bool fits(const frame::Frame& frame) const noexcept;
  // A copy of what is damaged. The frame must fit.
  void show(const frame::Frame& frame);
  void show_black();
  // From now on. Without a shape: none.
  void set_cursor(const frame::Cursor& cursor);

  [[nodiscard]] video::Pixels pixels() const noexcept;
  // What has changed since the last call.
  [[nodiscard]] std::vector<gpu::Rect> take_damage();

 private:
  [[nodiscard]] gpu::Rect place_of_cursor() const noexcept;
  void draw_cursor();
  void remove_cursor();
  [[nodiscard]] std::byte* pixel(std::uint32_t x, std::uint32_t y) noexcept {
    return &bytes_[gpu::kBytesPerPixel * (std::size_t{width_} * y + x)];
  }

  const gpu::Format format_;
  const std::uint32_t width_;
  const std::uint32_t height_;
  std::vector<std::byte> bytes_;
  std::vector<gpu::Rect> damage_;
  frame::Cursor cursor_;
  // What lies under the cursor, while it is drawn.
  gpu::Rect covered_;
  std::vector<std::byte> under_;
};

}  // namespace hesper::screen::record
