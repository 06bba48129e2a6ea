// Format: the eight pixel formats of virtio-gpu, all of 32 bits. The only conversion here is that of cursors.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace hesper::gpu {

inline constexpr std::uint32_t kBytesPerPixel = 4;

// VIRTIO_GPU_FORMAT_x_UNORM with the specification's numbers. Names give the bytes in memory order.
enum class Format : std::uint32_t {
  b8g8r8a8 = 1,
  b8g8r8x8 = 2,
  a8r8g8b8 = 3,
  x8r8g8b8 = 4,
  r8g8b8a8 = 67,
  x8b8g8r8 = 68,
  a8b8g8r8 = 121,
  r8g8b8x8 = 134,
};

struct FormatInfo {
  Format format;
  std::string_view name;
  std::uint32_t fourcc;  // DRM_FORMAT_x, whose names are those of little-endian words, that is, backwards
  // Which byte of a pixel is which; no alpha: opaque.
  std::uint8_t red, green, blue;
  std::optional<std::uint8_t> alpha;
};

// nullptr: a number that the specification does not have.
[[nodiscard]] const FormatInfo* find_format(std::uint32_t number) noexcept;
[[nodiscard]] const FormatInfo& format_info(Format format) noexcept;
[[nodiscard]] std::span<const FormatInfo> all_formats() noexcept;

// The format whose colours are in the same bytes and that has alpha in the remaining one.
[[nodiscard]] Format with_alpha(Format format) noexcept;

// Writes `pixels`, whole pixels of `format`, to `to` as b8g8r8a8. Both have the same size.
void convert_to_b8g8r8a8(Format format, std::span<const std::byte> pixels, std::span<std::byte> to) noexcept;

}  // namespace hesper::gpu
