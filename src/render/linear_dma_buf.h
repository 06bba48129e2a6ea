// Linear dma-bufs on hosts without: shared pages stand for dma-bufs, and images with VK_IMAGE_TILING_LINEAR for images
// with the DRM format modifier LINEAR, the only one that is announced. docs/wsi-emulation.md says why that is exact.
#pragma once

#include <vulkan/vulkan_core.h>

#include "render/objects.h"

namespace hesper::render {

inline constexpr VkExternalMemoryProperties kSharedPagesAsDmaBuf{
    .externalMemoryFeatures = VK_EXTERNAL_MEMORY_FEATURE_EXPORTABLE_BIT | VK_EXTERNAL_MEMORY_FEATURE_IMPORTABLE_BIT,
    .exportFromImportedHandleTypes = VK_EXTERNAL_MEMORY_HANDLE_TYPE_DMA_BUF_BIT_EXT,
    .compatibleHandleTypes = VK_EXTERNAL_MEMORY_HANDLE_TYPE_DMA_BUF_BIT_EXT};

// Fills the modifier lists in the chain from the linear tiling's features, which the host has filled in.
void list_linear_modifier(VkFormatProperties2& properties) noexcept;

// vkGetPhysicalDeviceImageFormatProperties2 with modifiers and external handle types translated. Edits info.
[[nodiscard]] VkResult linear_image_format(const PhysicalDevice& device, const VkPhysicalDeviceImageFormatInfo2& info,
                                           VkImageFormatProperties2& properties);

// What the client asks of a new image beyond a linear one.
struct LinearImage {
  bool wanted = false;  // its tiling was DRM_FORMAT_MODIFIER
  bool explicit_layout = false;
  VkSubresourceLayout layout{};  // the client's, if explicit_layout
};
// Turns a create info with modifiers into one with VK_IMAGE_TILING_LINEAR. Error: no modifier on its list is LINEAR.
[[nodiscard]] VkResult to_linear_image(VkImageCreateInfo& info, LinearImage& linear) noexcept;

// True if the image was created by translation. Any thread.
[[nodiscard]] bool is_linear_image(Device& device, VkImage image);

}  // namespace hesper::render
