// Damage: which parts of a picture have changed, as a few rectangles. Knows no picture.
#pragma once

#include <span>
#include <vector>

#include "gpu/geometry.h"

namespace hesper::frame {

// Gets coarser rather than longer: what is in it has changed, and some around it may not have.
class Damage {
 public:
  static constexpr std::size_t kMost = 16;

  // Empty ones do not count.
  void add(const gpu::Rect& rect);
  void add(const Damage& other) {
    for (const gpu::Rect& rect : other.rects_) add(rect);
  }
  // Forgets what lies outside of a picture of this size.
  void clip(std::uint32_t width, std::uint32_t height);
  void clear() noexcept { rects_.clear(); }

  [[nodiscard]] bool empty() const noexcept { return rects_.empty(); }
  // None within another, none empty; they may overlap.
  [[nodiscard]] const std::vector<gpu::Rect>& rects() const noexcept { return rects_; }

 private:
  std::vector<gpu::Rect> rects_;
};

}  // namespace hesper::frame
