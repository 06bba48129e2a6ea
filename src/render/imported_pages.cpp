// Imported pages: the trial of twins, and the questions to the driver.
#include "render/imported_pages.h"

namespace hesper::render {
namespace {

constexpr VkExternalMemoryHandleTypeFlagBits kHandleType = VK_EXTERNAL_MEMORY_HANDLE_TYPE_HOST_ALLOCATION_BIT_EXT;

// As Vulkan demands of a handle type that is named. Dedicated-only: clients would have to be told.
bool can_be_named(const VkExternalMemoryProperties& properties) {
  const VkExternalMemoryFeatureFlags features = properties.externalMemoryFeatures;
  return (features & VK_EXTERNAL_MEMORY_FEATURE_IMPORTABLE_BIT) != 0 &&
         (features & VK_EXTERNAL_MEMORY_FEATURE_DEDICATED_ONLY_BIT) == 0;
}

// Limits may be tighter for images with external memory.
bool fits(const VkImageCreateInfo& info, const VkImageFormatProperties& limits) {
  return info.extent.width <= limits.maxExtent.width && info.extent.height <= limits.maxExtent.height &&
         info.extent.depth <= limits.maxExtent.depth && info.mipLevels <= limits.maxMipLevels &&
         info.arrayLayers <= limits.maxArrayLayers && (VkSampleCountFlags{info.samples} & limits.sampleCounts) != 0;
}

bool equal(const VkMemoryRequirements& a, const VkMemoryRequirements& b) {
  return a.size == b.size && a.alignment == b.alignment && a.memoryTypeBits == b.memoryTypeBits;
}

// Empty if the driver refuses.
VkMemoryRequirements requirements(const DeviceProcs& procs, VkDevice device, const VkBufferCreateInfo& info) {
  VkMemoryRequirements result{};
  VkBuffer buffer = VK_NULL_HANDLE;
  if (procs.vkCreateBuffer(device, &info, nullptr, &buffer) != VK_SUCCESS) return result;
  procs.vkGetBufferMemoryRequirements(device, buffer, &result);
  procs.vkDestroyBuffer(device, buffer, nullptr);
  return result;
}
VkMemoryRequirements requirements(const DeviceProcs& procs, VkDevice device, const VkImageCreateInfo& info) {
  VkMemoryRequirements result{};
  VkImage image = VK_NULL_HANDLE;
  if (procs.vkCreateImage(device, &info, nullptr, &image) != VK_SUCCESS) return result;
  procs.vkGetImageMemoryRequirements(device, image, &result);
  procs.vkDestroyImage(device, image, nullptr);
  return result;
}

// Whether the driver supports a buffer or an image just like this one with the name.
bool supported(const InstanceProcs& procs, VkPhysicalDevice device, const VkBufferCreateInfo& info) {
  const VkPhysicalDeviceExternalBufferInfo asked{.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_EXTERNAL_BUFFER_INFO,
                                                 .flags = info.flags,
                                                 .usage = info.usage,
                                                 .handleType = kHandleType};
  VkExternalBufferProperties answer{.sType = VK_STRUCTURE_TYPE_EXTERNAL_BUFFER_PROPERTIES};
  procs.vkGetPhysicalDeviceExternalBufferProperties(device, &asked, &answer);
  return can_be_named(answer.externalMemoryProperties);
}
bool supported(const InstanceProcs& procs, VkPhysicalDevice device, const VkImageCreateInfo& info) {
  const VkPhysicalDeviceExternalImageFormatInfo external{
      .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_EXTERNAL_IMAGE_FORMAT_INFO, .handleType = kHandleType};
  const VkPhysicalDeviceImageFormatInfo2 asked{.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_IMAGE_FORMAT_INFO_2,
                                               .pNext = &external,
                                               .format = info.format,
                                               .type = info.imageType,
                                               .tiling = info.tiling,
                                               .usage = info.usage,
                                               .flags = info.flags};
  VkExternalImageFormatProperties external_answer{.sType = VK_STRUCTURE_TYPE_EXTERNAL_IMAGE_FORMAT_PROPERTIES};
  VkImageFormatProperties2 answer{.sType = VK_STRUCTURE_TYPE_IMAGE_FORMAT_PROPERTIES_2, .pNext = &external_answer};
  return procs.vkGetPhysicalDeviceImageFormatProperties2(device, &asked, &answer) == VK_SUCCESS &&
         can_be_named(external_answer.externalMemoryProperties) && fits(info, answer.imageFormatProperties);
}

VkExternalMemoryBufferCreateInfo name_for(const VkBufferCreateInfo& info) {
  return {
      .sType = VK_STRUCTURE_TYPE_EXTERNAL_MEMORY_BUFFER_CREATE_INFO, .pNext = info.pNext, .handleTypes = kHandleType};
}
VkExternalMemoryImageCreateInfo name_for(const VkImageCreateInfo& info) {
  return {
      .sType = VK_STRUCTURE_TYPE_EXTERNAL_MEMORY_IMAGE_CREATE_INFO, .pNext = info.pNext, .handleTypes = kHandleType};
}

template <class Info>
bool twins_are_equal(const DeviceProcs& procs, VkDevice device, Info info) {
  const VkMemoryRequirements unnamed = requirements(procs, device, info);
  const auto link = name_for(info);
  info.pNext = &link;
  return equal(unnamed, requirements(procs, device, info));
}

}  // namespace

bool naming_imports_changes_nothing(const InstanceProcs& instance, VkPhysicalDevice physical, const DeviceProcs& procs,
                                    VkDevice device) {
  const VkBufferCreateInfo buffer{
      .sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO, .size = 5000, .usage = VK_BUFFER_USAGE_TRANSFER_DST_BIT};
  if (!supported(instance, physical, buffer) || !twins_are_equal(procs, device, buffer)) return false;
  for (const auto tiling : {VK_IMAGE_TILING_LINEAR, VK_IMAGE_TILING_OPTIMAL}) {
    const VkImageCreateInfo image{.sType = VK_STRUCTURE_TYPE_IMAGE_CREATE_INFO,
                                  .imageType = VK_IMAGE_TYPE_2D,
                                  .format = VK_FORMAT_R8G8B8A8_UNORM,
                                  .extent = {.width = 100, .height = 77, .depth = 1},
                                  .mipLevels = 1,
                                  .arrayLayers = 1,
                                  .samples = VK_SAMPLE_COUNT_1_BIT,
                                  .tiling = tiling,
                                  .usage = VK_IMAGE_USAGE_TRANSFER_DST_BIT};
    if (!supported(instance, physical, image) || !twins_are_equal(procs, device, image)) return false;
  }
  return true;
}

void name_imports(const PhysicalDevice& device, VkBufferCreateInfo& info, VkExternalMemoryBufferCreateInfo& link) {
  if (!device.memory.names_imports || !supported(*device.procs, device.handle, info)) return;
  link = name_for(info);
  info.pNext = &link;
}

void name_imports(const PhysicalDevice& device, VkImageCreateInfo& info, VkExternalMemoryImageCreateInfo& link) {
  // Spec: VkImageCreateInfo, VUID-VkImageCreateInfo-pNext-01443: images with external memory begin undefined.
  if (!device.memory.names_imports || info.initialLayout != VK_IMAGE_LAYOUT_UNDEFINED) return;
  if (!supported(*device.procs, device.handle, info)) return;
  link = name_for(info);
  info.pNext = &link;
}

}  // namespace hesper::render
