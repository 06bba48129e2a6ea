// Quirks: the tables. Sources: docs/wire.md.
#include "quirks.h"

#include <algorithm>
#include <array>

namespace wiregen {
namespace {

struct UnionRow {
  std::string_view type;
  std::size_t wire_size;
};
constexpr UnionRow kUnions[] = {
    {"VkClearColorValue", 28},
    {"VkClearValue", 12},
    {"VkDeviceOrHostAddressKHR", 12},
    {"VkDeviceOrHostAddressConstKHR", 12},
};

struct Row {
  std::string_view owner;
  std::string_view field;
  std::string_view text;
};
constexpr Row kSentOnlyIf[] = {
    {"VkImageCreateInfo", "pQueueFamilyIndices", "number(v.sharingMode) == VK_SHARING_MODE_CONCURRENT"},
    {"VkBufferCreateInfo", "pQueueFamilyIndices", "number(v.sharingMode) == VK_SHARING_MODE_CONCURRENT"},
    {"VkPhysicalDeviceImageDrmFormatModifierInfoEXT", "pQueueFamilyIndices",
     "number(v.sharingMode) == VK_SHARING_MODE_CONCURRENT"},
    {"VkFramebufferCreateInfo", "pAttachments", "(v.flags & VK_FRAMEBUFFER_CREATE_IMAGELESS_BIT) == 0"},
};
constexpr Row kElementLengths[] = {
    {"vkCmdBuildAccelerationStructuresKHR", "ppBuildRangeInfos", "args.pInfos[i].geometryCount"},
    {"vkCmdBuildAccelerationStructuresIndirectKHR", "ppMaxPrimitiveCounts", "args.pInfos[i].geometryCount"},
};

constexpr std::string_view kChecked[] = {
    "VkBindSparseInfo",
    "VkComputePipelineCreateInfo",
    "VkDescriptorSetAllocateInfo",
    "VkDescriptorSetLayoutCreateInfo",
    "VkGraphicsPipelineCreateInfo",
    "VkRayTracingPipelineCreateInfoKHR",
    "VkRenderPassCreateInfo",
    "VkRenderPassCreateInfo2",
    "VkShaderModuleCreateInfo",
    "VkSpecializationInfo",
    "VkSubmitInfo",
    "VkWriteDescriptorSet",
    "vkWriteAccelerationStructuresPropertiesKHR",
};

template <std::size_t N>
std::string_view find(const Row (&rows)[N], std::string_view owner, std::string_view field) {
  for (const Row& row : rows) {
    if (row.owner == owner && row.field == field) return row.text;
  }
  return {};
}

}  // namespace

std::size_t hand_written_union(std::string_view type) {
  for (const UnionRow& row : kUnions) {
    if (row.type == type) return row.wire_size;
  }
  return 0;
}

std::string_view sent_only_if(std::string_view owner, std::string_view member) {
  return find(kSentOnlyIf, owner, member);
}

std::string_view element_length(std::string_view command, std::string_view param) {
  return find(kElementLengths, command, param);
}

bool is_checked(std::string_view name) { return std::ranges::contains(kChecked, name); }

std::string name_before_promotion(std::string_view type) {
  if (!type.ends_with("KHR")) return {};
  return std::string(type.substr(0, type.size() - 3)) + "EXT";
}

}  // namespace wiregen
