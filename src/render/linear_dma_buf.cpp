// Linear dma-bufs on hosts without: the translations.
#include "render/linear_dma_buf.h"

#include <algorithm>
#include <span>

#include "render/chain.h"

namespace hesper::render {
namespace {

constexpr std::uint64_t kLinear = 0;  // DRM_FORMAT_MOD_LINEAR

}  // namespace

void list_linear_modifier(VkFormatProperties2& properties) noexcept {
  const VkFormatFeatureFlags features = properties.formatProperties.linearTilingFeatures;
  const std::uint32_t have = features != 0 ? 1 : 0;
  if (auto* list = find_in_chain<VkDrmFormatModifierPropertiesListEXT>(
          properties.pNext, VK_STRUCTURE_TYPE_DRM_FORMAT_MODIFIER_PROPERTIES_LIST_EXT)) {
    if (list->pDrmFormatModifierProperties == nullptr) {
      list->drmFormatModifierCount = have;
    } else {
      list->drmFormatModifierCount = std::min(list->drmFormatModifierCount, have);
      if (list->drmFormatModifierCount != 0) {
        *list->pDrmFormatModifierProperties = {.drmFormatModifier = kLinear,
                                               .drmFormatModifierPlaneCount = 1,
                                               .drmFormatModifierTilingFeatures = features};
      }
    }
  }
  if (auto* list = find_in_chain<VkDrmFormatModifierPropertiesList2EXT>(
          properties.pNext, VK_STRUCTURE_TYPE_DRM_FORMAT_MODIFIER_PROPERTIES_LIST_2_EXT)) {
    const auto* all = find_in_chain<VkFormatProperties3>(properties.pNext, VK_STRUCTURE_TYPE_FORMAT_PROPERTIES_3);
    if (list->pDrmFormatModifierProperties == nullptr) {
      list->drmFormatModifierCount = have;
    } else {
      list->drmFormatModifierCount = std::min(list->drmFormatModifierCount, have);
      if (list->drmFormatModifierCount != 0) {
        *list->pDrmFormatModifierProperties = {
            .drmFormatModifier = kLinear,
            .drmFormatModifierPlaneCount = 1,
            .drmFormatModifierTilingFeatures = all != nullptr ? all->linearTilingFeatures : features};
      }
    }
  }
}

VkResult linear_image_format(const PhysicalDevice& device, const VkPhysicalDeviceImageFormatInfo2& info,
                             VkImageFormatProperties2& properties) {
  VkPhysicalDeviceImageFormatInfo2 host = info;
  const auto* external = find_in_chain<VkPhysicalDeviceExternalImageFormatInfo>(
      info.pNext, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_EXTERNAL_IMAGE_FORMAT_INFO);
  const bool shared = external != nullptr && external->handleType != 0;
  if (shared && external->handleType != VK_EXTERNAL_MEMORY_HANDLE_TYPE_DMA_BUF_BIT_EXT) {
    return VK_ERROR_FORMAT_NOT_SUPPORTED;
  }
  const auto* modifier = find_in_chain<VkPhysicalDeviceImageDrmFormatModifierInfoEXT>(
      info.pNext, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_IMAGE_DRM_FORMAT_MODIFIER_INFO_EXT);
  if (info.tiling == VK_IMAGE_TILING_DRM_FORMAT_MODIFIER_EXT) {
    if (modifier == nullptr || modifier->drmFormatModifier != kLinear) return VK_ERROR_FORMAT_NOT_SUPPORTED;
    host.tiling = VK_IMAGE_TILING_LINEAR;
  } else if (shared && info.tiling != VK_IMAGE_TILING_LINEAR) {
    return VK_ERROR_FORMAT_NOT_SUPPORTED;  // a tiled image means nothing to whoever gets its pages
  }
  unchain(host, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_IMAGE_DRM_FORMAT_MODIFIER_INFO_EXT);
  unchain(host, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_EXTERNAL_IMAGE_FORMAT_INFO);
  const VkResult result = device.procs->vkGetPhysicalDeviceImageFormatProperties2(device.handle, &host, &properties);
  auto* out = find_in_chain<VkExternalImageFormatProperties>(properties.pNext,
                                                             VK_STRUCTURE_TYPE_EXTERNAL_IMAGE_FORMAT_PROPERTIES);
  if (out != nullptr) out->externalMemoryProperties = shared ? kSharedPagesAsDmaBuf : VkExternalMemoryProperties{};
  return result;
}

VkResult to_linear_image(VkImageCreateInfo& info, LinearImage& linear) noexcept {
  if (info.tiling != VK_IMAGE_TILING_DRM_FORMAT_MODIFIER_EXT) return VK_SUCCESS;
  const auto* list = find_in_chain<VkImageDrmFormatModifierListCreateInfoEXT>(
      info.pNext, VK_STRUCTURE_TYPE_IMAGE_DRM_FORMAT_MODIFIER_LIST_CREATE_INFO_EXT);
  const auto* exact = find_in_chain<VkImageDrmFormatModifierExplicitCreateInfoEXT>(
      info.pNext, VK_STRUCTURE_TYPE_IMAGE_DRM_FORMAT_MODIFIER_EXPLICIT_CREATE_INFO_EXT);
  if (exact != nullptr) {
    if (exact->drmFormatModifier != kLinear || exact->drmFormatModifierPlaneCount != 1 ||
        exact->pPlaneLayouts == nullptr) {
      return VK_ERROR_INVALID_DRM_FORMAT_MODIFIER_PLANE_LAYOUT_EXT;
    }
    linear.explicit_layout = true;
    linear.layout = exact->pPlaneLayouts[0];
  } else if (list == nullptr || list->pDrmFormatModifiers == nullptr ||
             !std::ranges::contains(std::span(list->pDrmFormatModifiers, list->drmFormatModifierCount), kLinear)) {
    return VK_ERROR_FORMAT_NOT_SUPPORTED;
  }
  unchain(info, VK_STRUCTURE_TYPE_IMAGE_DRM_FORMAT_MODIFIER_LIST_CREATE_INFO_EXT);
  unchain(info, VK_STRUCTURE_TYPE_IMAGE_DRM_FORMAT_MODIFIER_EXPLICIT_CREATE_INFO_EXT);
  info.tiling = VK_IMAGE_TILING_LINEAR;
  linear.wanted = true;
  return VK_SUCCESS;
}

bool is_linear_image(Device& device, VkImage image) {
  if (!device.physical_device.emulation.dma_buf) return false;
  const std::scoped_lock lock(device.images_mutex);
  return device.linear_images.contains(image);
}

}  // namespace hesper::render
