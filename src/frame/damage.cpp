// Damage: a list of rectangles, and their bounding box when they become too many.
#include "frame/damage.h"

#include <algorithm>

namespace hesper::frame {
namespace {

bool contains(const gpu::Rect& outer, const gpu::Rect& inner) noexcept {
  return inner.x >= outer.x && inner.y >= outer.y && inner.right() <= outer.right() && inner.bottom() <= outer.bottom();
}

gpu::Rect unite(const gpu::Rect& a, const gpu::Rect& b) noexcept {
  const std::uint32_t x = std::min(a.x, b.x);
  const std::uint32_t y = std::min(a.y, b.y);
  return {.x = x,
          .y = y,
          .width = static_cast<std::uint32_t>(std::max(a.right(), b.right()) - x),
          .height = static_cast<std::uint32_t>(std::max(a.bottom(), b.bottom()) - y)};
}

}  // namespace

void Damage::add(const gpu::Rect& rect) {
  if (rect.empty() || std::ranges::any_of(rects_, [&](const gpu::Rect& one) { return contains(one, rect); })) return;
  std::erase_if(rects_, [&](const gpu::Rect& one) { return contains(rect, one); });
  rects_.push_back(rect);
  if (rects_.size() <= kMost) return;
  gpu::Rect all = rects_.front();
  for (const gpu::Rect& one : rects_) all = unite(all, one);
  rects_.assign(1, all);
}

void Damage::clip(std::uint32_t width, std::uint32_t height) {
  const gpu::Rect picture{.width = width, .height = height};
  for (gpu::Rect& rect : rects_) rect = intersect(rect, picture);
  std::erase_if(rects_, [](const gpu::Rect& rect) { return rect.empty(); });
}

}  // namespace hesper::frame
