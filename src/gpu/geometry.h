// Rect, Point and the ids of the guest's objects. All sums are made in 64 bits, as the guest chooses the numbers.
#pragma once

#include <algorithm>
#include <cstdint>

namespace hesper::gpu {

enum class ResourceId : std::uint32_t {};  // virtio-gpu resource_id; 0 means none
enum class ContextId : std::uint32_t {};   // virtio-gpu ctx_id; 0 means none

// Pixels.
struct Rect {
  std::uint32_t x = 0;
  std::uint32_t y = 0;
  std::uint32_t width = 0;
  std::uint32_t height = 0;

  [[nodiscard]] constexpr bool empty() const noexcept { return width == 0 || height == 0; }
  [[nodiscard]] constexpr std::uint64_t right() const noexcept { return std::uint64_t{x} + width; }
  [[nodiscard]] constexpr std::uint64_t bottom() const noexcept { return std::uint64_t{y} + height; }
  // Within an image of this size.
  [[nodiscard]] constexpr bool fits(std::uint32_t image_width, std::uint32_t image_height) const noexcept {
    return right() <= image_width && bottom() <= image_height;
  }
  friend constexpr bool operator==(const Rect&, const Rect&) = default;
};

// What both cover; empty (all zeros) if nothing.
[[nodiscard]] constexpr Rect intersect(const Rect& a, const Rect& b) noexcept {
  const std::uint32_t x = std::max(a.x, b.x);
  const std::uint32_t y = std::max(a.y, b.y);
  const std::uint64_t right = std::min(a.right(), b.right());
  const std::uint64_t bottom = std::min(a.bottom(), b.bottom());
  if (right <= x || bottom <= y) return {};
  return {
      .x = x, .y = y, .width = static_cast<std::uint32_t>(right - x), .height = static_cast<std::uint32_t>(bottom - y)};
}

struct Point {
  std::int32_t x = 0;
  std::int32_t y = 0;
  friend constexpr bool operator==(const Point&, const Point&) = default;
};

}  // namespace hesper::gpu
