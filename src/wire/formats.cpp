// Formats: aspects. Spec: Vulkan, "Copying Data Between Buffers and Images", on the sizes of depth and stencil.
#include "wire/formats.h"

namespace hesper::wire {
namespace {

std::optional<std::uint8_t> depth_size(VkFormat format) noexcept {
  switch (format) {
    case VK_FORMAT_D16_UNORM:
    case VK_FORMAT_D16_UNORM_S8_UINT: return std::uint8_t{2};
    case VK_FORMAT_X8_D24_UNORM_PACK32:
    case VK_FORMAT_D24_UNORM_S8_UINT:
    case VK_FORMAT_D32_SFLOAT:
    case VK_FORMAT_D32_SFLOAT_S8_UINT: return std::uint8_t{4};
    default: return std::nullopt;
  }
}

}  // namespace

std::optional<FormatPlane> format_aspect(VkFormat format, VkImageAspectFlags aspect) noexcept {
  switch (aspect) {
    case VK_IMAGE_ASPECT_COLOR_BIT:
    case VK_IMAGE_ASPECT_PLANE_0_BIT: return format_plane(format, 0);
    case VK_IMAGE_ASPECT_PLANE_1_BIT: return format_plane(format, 1);
    case VK_IMAGE_ASPECT_PLANE_2_BIT: return format_plane(format, 2);
    case VK_IMAGE_ASPECT_STENCIL_BIT: return FormatPlane{.block_size = 1};
    case VK_IMAGE_ASPECT_DEPTH_BIT:
      if (const auto size = depth_size(format)) return FormatPlane{.block_size = *size};
      return std::nullopt;
    default: return std::nullopt;
  }
}

}  // namespace hesper::wire
