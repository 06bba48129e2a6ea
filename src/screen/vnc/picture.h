// Picture: what a viewer is to see, and which parts of it it has not seen yet. Knows no protocol.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "frame/damage.h"
#include "frame/frame.h"
#include "frame/source.h"
#include "gpu/geometry.h"

namespace hesper::screen::vnc {

class Picture {
 public:
  // The newest frame; none: the display shows nothing.
  [[nodiscard]] const std::optional<frame::Frame>& frame() const noexcept { return frame_; }
  // At most 65535, as RFB has it, and never 0.
  [[nodiscard]] std::uint16_t width() const noexcept { return width_; }
  [[nodiscard]] std::uint16_t height() const noexcept { return height_; }

  // The size of a display that shows nothing (yet).
  void set_empty(std::uint32_t width, std::uint32_t height);
  // A new frame, or that there is none any more.
  void take(frame::News& news);
  // Wants to see this again; may lie outside.
  void damage(const gpu::Rect& area);
  void damage_all() { damage({.width = width_, .height = height_}); }
  // Forgets all damage outside of this size, as the viewer has no more room.
  void crop(std::uint32_t width, std::uint32_t height) { damage_.clip(width, height); }

  [[nodiscard]] bool damaged() const noexcept { return !damage_.empty(); }
  // Takes the damage away: pieces that are at most so large, in order.
  [[nodiscard]] std::vector<gpu::Rect> take_damage(const gpu::Rect& largest);

 private:
  void resize(std::uint32_t width, std::uint32_t height);

  std::optional<frame::Frame> frame_;
  std::uint16_t width_ = 1;
  std::uint16_t height_ = 1;
  frame::Damage damage_;
};

}  // namespace hesper::screen::vnc
