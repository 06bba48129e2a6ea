// Texels: how pixels of common formats lie in memory, and what they look like as 8-bit RGBA.
#pragma once

#include <vulkan/vulkan_core.h>

#include <cstddef>
#include <cstdint>
#include <span>

namespace hesper::replay {

// Bytes of a texel; 0 for formats that are not known here, compressed ones among them.
[[nodiscard]] std::size_t texel_size(VkFormat format) noexcept;
// Without the prefix VK_FORMAT_.
[[nodiscard]] const char* format_name(VkFormat format) noexcept;
// Converts whole texels into as many times 4 bytes of RGBA; opaque where there is no alpha. False: this format has no
// such form here.
[[nodiscard]] bool to_rgba(VkFormat format, std::span<const std::byte> texels, std::byte* rgba) noexcept;

}  // namespace hesper::replay
