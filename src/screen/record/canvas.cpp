// Canvas: one picture. The cursor is drawn into it, and what it covers is kept, so that it can be taken out again.
#include "screen/record/canvas.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/check.h"

namespace hesper::screen::record {
namespace {

constexpr std::size_t kBytes = gpu::kBytesPerPixel;

// A premultiplied colour over another one.
std::byte over(std::byte color, std::byte alpha, std::byte below) noexcept {
  const unsigned rest = 255 - std::to_integer<unsigned>(alpha);
  const unsigned sum = std::to_integer<unsigned>(color) + (std::to_integer<unsigned>(below) * rest + 127) / 255;
  return static_cast<std::byte>(std::min(sum, 255u));
}

}  // namespace

Canvas::Canvas(gpu::Format format, std::uint32_t width, std::uint32_t height)
    : format_(format), width_(width), height_(height), bytes_(kBytes * width * height) {
  damage_.push_back({.width = width, .height = height});
}

bool Canvas::fits(const frame::Frame& frame) const noexcept {
  return frame.format == format_ && frame.width == width_ && frame.height == height_;
}

void Canvas::show(const frame::Frame& frame) {
  HESPER_CHECK(fits(frame));
  remove_cursor();
  const video::Pixels from = video::pixels_of(frame);
  for (const gpu::Rect& each : frame.damage) {
    const gpu::Rect rect = intersect(each, {.width = width_, .height = height_});
    for (std::uint32_t y = rect.y; y < rect.y + rect.height; ++y)
      std::memcpy(pixel(rect.x, y), from.row(y) + kBytes * rect.x, kBytes * rect.width);
    if (!rect.empty()) damage_.push_back(rect);
  }
  draw_cursor();
}

void Canvas::show_black() {
  remove_cursor();
  std::ranges::fill(bytes_, std::byte{0});
  damage_.push_back({.width = width_, .height = height_});
  draw_cursor();
}

void Canvas::set_cursor(const frame::Cursor& cursor) {
  remove_cursor();
  if (!covered_.empty()) damage_.push_back(covered_);
  cursor_ = cursor;
  covered_ = place_of_cursor();
  if (!covered_.empty()) damage_.push_back(covered_);
  draw_cursor();
}

video::Pixels Canvas::pixels() const noexcept {
  return {.format = format_, .width = width_, .height = height_, .stride = kBytes * width_, .bytes = bytes_};
}

std::vector<gpu::Rect> Canvas::take_damage() { return std::exchange(damage_, {}); }

// What of it lies in the picture.
gpu::Rect Canvas::place_of_cursor() const noexcept {
  if (!cursor_.shape) return {};
  const auto clip = [](std::int64_t from, std::uint32_t end) {
    const std::int64_t first = std::clamp<std::int64_t>(from, 0, end);
    const std::int64_t last = std::clamp<std::int64_t>(from + gpu::kCursorSize, 0, end);
    return std::pair{static_cast<std::uint32_t>(first), static_cast<std::uint32_t>(last - first)};
  };
  const auto [x, width] = clip(cursor_.position.x, width_);
  const auto [y, height] = clip(cursor_.position.y, height_);
  if (width == 0 || height == 0) return {};
  return {.x = x, .y = y, .width = width, .height = height};
}

void Canvas::draw_cursor() {
  covered_ = place_of_cursor();
  if (covered_.empty()) return;
  const gpu::FormatInfo& info = gpu::format_info(format_);
  const std::size_t row = kBytes * covered_.width;
  under_.resize(row * covered_.height);
  for (std::uint32_t y = 0; y < covered_.height; ++y) {
    std::byte* to = pixel(covered_.x, covered_.y + y);
    std::memcpy(&under_[row * y], to, row);
    const auto shape_y = static_cast<std::size_t>(std::int64_t{covered_.y} + y - cursor_.position.y);
    const auto shape_x = static_cast<std::size_t>(std::int64_t{covered_.x} - cursor_.position.x);
    const std::byte* from = &cursor_.shape->pixels[kBytes * (gpu::kCursorSize * shape_y + shape_x)];
    for (std::uint32_t x = 0; x < covered_.width; ++x, to += kBytes, from += kBytes) {
      to[info.blue] = over(from[0], from[3], to[info.blue]);
      to[info.green] = over(from[1], from[3], to[info.green]);
      to[info.red] = over(from[2], from[3], to[info.red]);
    }
  }
}

void Canvas::remove_cursor() {
  if (under_.empty()) return;
  const std::size_t row = kBytes * covered_.width;
  for (std::uint32_t y = 0; y < covered_.height; ++y)
    std::memcpy(pixel(covered_.x, covered_.y + y), &under_[row * y], row);
  under_.clear();
}

}  // namespace hesper::screen::record
