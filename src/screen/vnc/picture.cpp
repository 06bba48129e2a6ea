// Picture: the frame and its damage.
#include "screen/vnc/picture.h"

#include <algorithm>
#include <utility>

namespace hesper::screen::vnc {
namespace {

constexpr std::uint32_t kLargest = 65535;

}  // namespace

void Picture::resize(std::uint32_t width, std::uint32_t height) {
  const auto w = static_cast<std::uint16_t>(std::clamp<std::uint32_t>(width, 1, kLargest));
  const auto h = static_cast<std::uint16_t>(std::clamp<std::uint32_t>(height, 1, kLargest));
  if (w == width_ && h == height_) return;
  width_ = w;
  height_ = h;
  damage_.clear();
  damage_all();
}

void Picture::set_empty(std::uint32_t width, std::uint32_t height) {
  frame_.reset();
  resize(width, height);
}

void Picture::take(frame::News& news) {
  if (news.frame) {
    frame_ = std::move(news.frame);
    resize(frame_->width, frame_->height);
    for (const gpu::Rect& rect : frame_->damage) damage(rect);
  } else if (news.blank) {
    frame_.reset();
    damage_all();
  }
}

void Picture::damage(const gpu::Rect& area) { damage_.add(intersect(area, {.width = width_, .height = height_})); }

std::vector<gpu::Rect> Picture::take_damage(const gpu::Rect& largest) {
  std::vector<gpu::Rect> pieces;
  for (const gpu::Rect& rect : damage_.rects())
    for (std::uint32_t y = rect.y; y < rect.bottom(); y += largest.height)
      for (std::uint32_t x = rect.x; x < rect.right(); x += largest.width)
        pieces.push_back({.x = x,
                          .y = y,
                          .width = std::min(largest.width, static_cast<std::uint32_t>(rect.right()) - x),
                          .height = std::min(largest.height, static_cast<std::uint32_t>(rect.bottom()) - y)});
  damage_.clear();
  return pieces;
}

}  // namespace hesper::screen::vnc
