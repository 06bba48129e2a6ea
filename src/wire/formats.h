// Formats: how many bytes texels take in memory. The table is generated from vk.xml.
#pragma once

#include <vulkan/vulkan_core.h>

#include <cstdint>
#include <optional>

namespace hesper::wire {

// One plane of a format; formats that are not multi-planar have one.
struct FormatPlane {
  std::uint8_t block_size;                             // bytes
  std::uint8_t block_width = 1, block_height = 1;      // texels
  std::uint8_t width_divisor = 1, height_divisor = 1;  // the image's extent to the plane's
};

// Nothing: no such format or plane. Formats with depth and stencil answer with both together.
[[nodiscard]] std::optional<FormatPlane> format_plane(VkFormat format, unsigned plane) noexcept;

// The same for what one copy touches: an image with depth or stencil, or with planes, is copied an aspect at a time.
[[nodiscard]] std::optional<FormatPlane> format_aspect(VkFormat format, VkImageAspectFlags aspect) noexcept;

}  // namespace hesper::wire
