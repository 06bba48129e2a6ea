// Conform: one function per rule.
#include "conform.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <new>
#include <string_view>
#include <unordered_map>

#include "base/check.h"
#include "render/chain.h"
#include "tests/reflection_gen.h"

namespace hesper::fake {
namespace {

using render::find_in_chain;

// An array that is left out unless it is long enough.
template <class T>
void none_or_enough(std::uint32_t& have, T*& values, std::uint32_t need) {
  if (values != nullptr && have >= need) return;
  have = 0;
  values = nullptr;
}

template <class Reference>
void conform_references(const Reference* references, std::uint32_t count, std::uint32_t attachments) {
  if (references == nullptr) return;
  for (std::uint32_t i = 0; i < count; ++i) {
    auto& reference = const_cast<Reference&>(references[i]);
    if (reference.attachment >= attachments) reference.attachment = VK_ATTACHMENT_UNUSED;
  }
}

template <class Info>
void conform_render_pass(Info& v) {
  for (std::uint32_t s = 0; v.pSubpasses != nullptr && s < v.subpassCount; ++s) {
    const auto& subpass = v.pSubpasses[s];
    conform_references(subpass.pInputAttachments, subpass.inputAttachmentCount, v.attachmentCount);
    conform_references(subpass.pColorAttachments, subpass.colorAttachmentCount, v.attachmentCount);
    conform_references(subpass.pResolveAttachments, subpass.colorAttachmentCount, v.attachmentCount);
    conform_references(subpass.pDepthStencilAttachment, 1, v.attachmentCount);
    for (std::uint32_t i = 0; subpass.pPreserveAttachments != nullptr && i < subpass.preserveAttachmentCount; ++i) {
      auto& index = const_cast<std::uint32_t&>(subpass.pPreserveAttachments[i]);
      if (index >= v.attachmentCount) index = VK_ATTACHMENT_UNUSED;
    }
  }
  for (std::uint32_t i = 0; v.pDependencies != nullptr && i < v.dependencyCount; ++i) {
    auto& dependency = const_cast<std::remove_cvref_t<decltype(v.pDependencies[0])>&>(v.pDependencies[i]);
    if (dependency.srcSubpass >= v.subpassCount) dependency.srcSubpass = VK_SUBPASS_EXTERNAL;
    if (dependency.dstSubpass >= v.subpassCount) dependency.dstSubpass = VK_SUBPASS_EXTERNAL;
  }
}

template <class Info>
void conform_feedback(Info& v, std::uint32_t stages) {
  auto* feedback = find_in_chain<VkPipelineCreationFeedbackCreateInfo>(
      v.pNext, VK_STRUCTURE_TYPE_PIPELINE_CREATION_FEEDBACK_CREATE_INFO);
  if (feedback == nullptr) return;
  none_or_enough(feedback->pipelineStageCreationFeedbackCount, feedback->pPipelineStageCreationFeedbacks, stages);
}

template <class Info>
void conform_timelines(Info& v) {
  auto* timeline =
      find_in_chain<VkTimelineSemaphoreSubmitInfo>(v.pNext, VK_STRUCTURE_TYPE_TIMELINE_SEMAPHORE_SUBMIT_INFO);
  if (timeline == nullptr) return;
  none_or_enough(timeline->waitSemaphoreValueCount, timeline->pWaitSemaphoreValues, v.waitSemaphoreCount);
  none_or_enough(timeline->signalSemaphoreValueCount, timeline->pSignalSemaphoreValues, v.signalSemaphoreCount);
}

void rule(VkBindSparseInfo& v, Arena&) { conform_timelines(v); }
void rule(VkSubmitInfo& v, Arena&) {
  conform_timelines(v);
  auto* group = find_in_chain<VkDeviceGroupSubmitInfo>(v.pNext, VK_STRUCTURE_TYPE_DEVICE_GROUP_SUBMIT_INFO);
  if (group == nullptr) return;
  none_or_enough(group->waitSemaphoreCount, group->pWaitSemaphoreDeviceIndices, v.waitSemaphoreCount);
  none_or_enough(group->commandBufferCount, group->pCommandBufferDeviceMasks, v.commandBufferCount);
  none_or_enough(group->signalSemaphoreCount, group->pSignalSemaphoreDeviceIndices, v.signalSemaphoreCount);
}
void rule(VkComputePipelineCreateInfo& v, Arena&) { conform_feedback(v, 1); }
void rule(VkGraphicsPipelineCreateInfo& v, Arena&) { conform_feedback(v, v.stageCount); }
void rule(VkRayTracingPipelineCreateInfoKHR& v, Arena&) {
  conform_feedback(v, v.stageCount);
  for (std::uint32_t i = 0; v.pGroups != nullptr && i < v.groupCount; ++i) {
    auto& group = const_cast<VkRayTracingShaderGroupCreateInfoKHR&>(v.pGroups[i]);
    for (auto* shader :
         {&group.generalShader, &group.closestHitShader, &group.anyHitShader, &group.intersectionShader}) {
      if (*shader >= v.stageCount) *shader = VK_SHADER_UNUSED_KHR;
    }
  }
}
void rule(VkDescriptorSetAllocateInfo& v, Arena&) {
  auto* counts = find_in_chain<VkDescriptorSetVariableDescriptorCountAllocateInfo>(
      v.pNext, VK_STRUCTURE_TYPE_DESCRIPTOR_SET_VARIABLE_DESCRIPTOR_COUNT_ALLOCATE_INFO);
  if (counts != nullptr) none_or_enough(counts->descriptorSetCount, counts->pDescriptorCounts, v.descriptorSetCount);
}
void rule(VkDescriptorSetLayoutCreateInfo& v, Arena&) {
  auto* flags = find_in_chain<VkDescriptorSetLayoutBindingFlagsCreateInfo>(
      v.pNext, VK_STRUCTURE_TYPE_DESCRIPTOR_SET_LAYOUT_BINDING_FLAGS_CREATE_INFO);
  if (flags != nullptr) none_or_enough(flags->bindingCount, flags->pBindingFlags, v.bindingCount);
}
void rule(VkRenderPassCreateInfo& v, Arena&) {
  conform_render_pass(v);
  auto* multiview =
      find_in_chain<VkRenderPassMultiviewCreateInfo>(v.pNext, VK_STRUCTURE_TYPE_RENDER_PASS_MULTIVIEW_CREATE_INFO);
  if (multiview == nullptr) return;
  none_or_enough(multiview->subpassCount, multiview->pViewMasks, v.subpassCount);
  none_or_enough(multiview->dependencyCount, multiview->pViewOffsets, v.dependencyCount);
}
void rule(VkRenderPassCreateInfo2& v, Arena&) {
  conform_render_pass(v);
  for (std::uint32_t s = 0; v.pSubpasses != nullptr && s < v.subpassCount; ++s) {
    const auto* resolve = find_in_chain<VkSubpassDescriptionDepthStencilResolve>(
        v.pSubpasses[s].pNext, VK_STRUCTURE_TYPE_SUBPASS_DESCRIPTION_DEPTH_STENCIL_RESOLVE);
    if (resolve != nullptr) conform_references(resolve->pDepthStencilResolveAttachment, 1, v.attachmentCount);
    const auto* rate = find_in_chain<VkFragmentShadingRateAttachmentInfoKHR>(
        v.pSubpasses[s].pNext, VK_STRUCTURE_TYPE_FRAGMENT_SHADING_RATE_ATTACHMENT_INFO_KHR);
    if (rate != nullptr) conform_references(rate->pFragmentShadingRateAttachment, 1, v.attachmentCount);
  }
}
void rule(VkShaderModuleCreateInfo& v, Arena& arena) {
  // A header, and as many OpNop as there were words.
  constexpr std::array<std::uint32_t, 5> kHeader{0x07230203, 0x00010000, 0, 1, 0};
  constexpr std::uint32_t kNop = 1u << 16;
  const std::size_t words = kHeader.size() + v.codeSize / sizeof(std::uint32_t);
  auto* code = static_cast<std::uint32_t*>(arena.allocate(words * sizeof(std::uint32_t)));
  HESPER_CHECK(code != nullptr);
  std::fill_n(code, words, kNop);
  std::ranges::copy(kHeader, code);
  v.codeSize = words * sizeof(std::uint32_t);
  v.pCode = code;
}
void rule(VkSpecializationInfo& v, Arena&) {
  for (std::uint32_t i = 0; v.pMapEntries != nullptr && i < v.mapEntryCount; ++i) {
    auto& entry = const_cast<VkSpecializationMapEntry&>(v.pMapEntries[i]);
    entry.offset = static_cast<std::uint32_t>(entry.offset % (v.dataSize + 1));
    entry.size = entry.size % (v.dataSize - entry.offset + 1);
  }
}
void rule(VkWriteDescriptorSet& v, Arena&) {
  // Inline data counts bytes, which random counts do not.
  if (v.descriptorType == VK_DESCRIPTOR_TYPE_INLINE_UNIFORM_BLOCK ||
      v.descriptorType == VK_DESCRIPTOR_TYPE_ACCELERATION_STRUCTURE_KHR) {
    v.descriptorType = VK_DESCRIPTOR_TYPE_SAMPLER;
  }
}
void rule(vkWriteAccelerationStructuresPropertiesKHR_params& p, Arena& arena) {
  if (p.accelerationStructureCount == 0) return;
  p.stride = 8;
  p.dataSize = p.accelerationStructureCount * p.stride;
  p.pData = arena.allocate(p.dataSize);
  HESPER_CHECK(p.pData != nullptr);
  std::memset(p.pData, 0, p.dataSize);
}

using Rule = void (*)(void*, Arena&);
template <class T>
constexpr Rule kRule = [](void* value, Arena& arena) { rule(*static_cast<T*>(value), arena); };

}  // namespace

void conform(const Type& type, void* value, Arena& arena) {
  static const std::unordered_map<std::string_view, Rule> rules{
      {"VkBindSparseInfo", kRule<VkBindSparseInfo>},
      {"VkComputePipelineCreateInfo", kRule<VkComputePipelineCreateInfo>},
      {"VkDescriptorSetAllocateInfo", kRule<VkDescriptorSetAllocateInfo>},
      {"VkDescriptorSetLayoutCreateInfo", kRule<VkDescriptorSetLayoutCreateInfo>},
      {"VkGraphicsPipelineCreateInfo", kRule<VkGraphicsPipelineCreateInfo>},
      {"VkRayTracingPipelineCreateInfoKHR", kRule<VkRayTracingPipelineCreateInfoKHR>},
      {"VkRenderPassCreateInfo", kRule<VkRenderPassCreateInfo>},
      {"VkRenderPassCreateInfo2", kRule<VkRenderPassCreateInfo2>},
      {"VkShaderModuleCreateInfo", kRule<VkShaderModuleCreateInfo>},
      {"VkSpecializationInfo", kRule<VkSpecializationInfo>},
      {"VkSubmitInfo", kRule<VkSubmitInfo>},
      {"VkWriteDescriptorSet", kRule<VkWriteDescriptorSet>},
      {"vkWriteAccelerationStructuresPropertiesKHR", kRule<vkWriteAccelerationStructuresPropertiesKHR_params>},
  };
  if (const auto at = rules.find(type.name); at != rules.end()) at->second(value, arena);
}

}  // namespace hesper::fake
