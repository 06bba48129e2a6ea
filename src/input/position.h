// Positions on a display as pointing devices tell them. Arithmetic only.
#pragma once

#include <algorithm>
#include <cstdint>

namespace hesper::input {

// The middle of pixel `pixel` of `size`, where 0 and 65536 are the display's edges: whether the guest rounds down what
// it scales to its pixels or to the nearest, it finds that pixel. size: not 0; at most 65536.
[[nodiscard]] constexpr std::uint16_t absolute_of(std::uint32_t pixel, std::uint32_t size) noexcept {
  const std::uint64_t within = std::min(pixel, size - 1);
  return static_cast<std::uint16_t>((within * 65536 + 32768) / size);
}

}  // namespace hesper::input
