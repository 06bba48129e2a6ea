// Checks: one function per struct. Chains are searched as render/chain.h does.
#include "wire/checks.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <span>

#include "wire/spirv.h"

namespace hesper::wire {
namespace {

// SAFETY: the decoder made the chain in its arena, which is not const, and each struct is what its sType says.
template <class T>
T* chained(const void* next, VkStructureType type) {
  for (auto* s = static_cast<const VkBaseInStructure*>(next); s != nullptr; s = s->pNext) {
    if (s->sType == type) return reinterpret_cast<T*>(const_cast<VkBaseInStructure*>(s));
  }
  return nullptr;
}

// An array that may be left out, but is otherwise as long as another one.
void none_or_enough(Decoder& dec, std::uint32_t have, std::uint32_t need) {
  if (have != 0 && have < need) dec.fail(DecodeErrc::bad_range, have);
}

void is_index(Decoder& dec, std::uint32_t index, std::uint32_t size, std::uint32_t none) {
  if (index != none && index >= size) dec.fail(DecodeErrc::bad_range, index);
}

// The driver writes one feedback a stage.
template <class Info>
void check_feedback(Decoder& dec, const Info& v, std::uint32_t stages) {
  const auto* feedback =
      chained<VkPipelineCreationFeedbackCreateInfo>(v.pNext, VK_STRUCTURE_TYPE_PIPELINE_CREATION_FEEDBACK_CREATE_INFO);
  if (feedback != nullptr) none_or_enough(dec, feedback->pipelineStageCreationFeedbackCount, stages);
}

template <class Reference>
void check_references(Decoder& dec, const Reference* references, std::uint32_t count, std::uint32_t attachments) {
  if (references == nullptr) return;
  for (const Reference& reference : std::span(references, count)) {
    is_index(dec, reference.attachment, attachments, VK_ATTACHMENT_UNUSED);
  }
}

template <class Info>
void check_render_pass(Decoder& dec, const Info& v) {
  if (v.pSubpasses != nullptr) {
    for (const auto& subpass : std::span(v.pSubpasses, v.subpassCount)) {
      check_references(dec, subpass.pInputAttachments, subpass.inputAttachmentCount, v.attachmentCount);
      check_references(dec, subpass.pColorAttachments, subpass.colorAttachmentCount, v.attachmentCount);
      check_references(dec, subpass.pResolveAttachments, subpass.colorAttachmentCount, v.attachmentCount);
      check_references(dec, subpass.pDepthStencilAttachment, 1, v.attachmentCount);
      if (subpass.pPreserveAttachments == nullptr) continue;
      for (const std::uint32_t index : std::span(subpass.pPreserveAttachments, subpass.preserveAttachmentCount)) {
        is_index(dec, index, v.attachmentCount, VK_ATTACHMENT_UNUSED);
      }
    }
  }
  if (v.pDependencies != nullptr) {
    for (const auto& dependency : std::span(v.pDependencies, v.dependencyCount)) {
      is_index(dec, dependency.srcSubpass, v.subpassCount, VK_SUBPASS_EXTERNAL);
      is_index(dec, dependency.dstSubpass, v.subpassCount, VK_SUBPASS_EXTERNAL);
    }
  }
}

// Zeros behind the values that there are.
template <class T>
void lengthen(Decoder& dec, std::uint32_t& have, const T*& values, std::uint32_t need) {
  if (values == nullptr || have >= need) return;
  T* longer = dec.allocate<T>(need);
  if (longer == nullptr) return;
  std::memcpy(longer, values, have * sizeof(T));
  values = longer;
  have = need;
}

template <class Info>
void lengthen_timelines(Decoder& dec, const Info& v) {
  auto* timeline = chained<VkTimelineSemaphoreSubmitInfo>(v.pNext, VK_STRUCTURE_TYPE_TIMELINE_SEMAPHORE_SUBMIT_INFO);
  if (timeline == nullptr) return;
  lengthen(dec, timeline->waitSemaphoreValueCount, timeline->pWaitSemaphoreValues, v.waitSemaphoreCount);
  lengthen(dec, timeline->signalSemaphoreValueCount, timeline->pSignalSemaphoreValues, v.signalSemaphoreCount);
}

}  // namespace

void check(Decoder& dec, const VkComputePipelineCreateInfo& v) {
  if (dec.resolves()) check_feedback(dec, v, 1);
}

void check(Decoder& dec, const VkDescriptorSetAllocateInfo& v) {
  if (!dec.resolves()) return;
  const auto* counts = chained<VkDescriptorSetVariableDescriptorCountAllocateInfo>(
      v.pNext, VK_STRUCTURE_TYPE_DESCRIPTOR_SET_VARIABLE_DESCRIPTOR_COUNT_ALLOCATE_INFO);
  if (counts != nullptr) none_or_enough(dec, counts->descriptorSetCount, v.descriptorSetCount);
}

void check(Decoder& dec, const VkDescriptorSetLayoutCreateInfo& v) {
  if (!dec.resolves()) return;
  const auto* flags = chained<VkDescriptorSetLayoutBindingFlagsCreateInfo>(
      v.pNext, VK_STRUCTURE_TYPE_DESCRIPTOR_SET_LAYOUT_BINDING_FLAGS_CREATE_INFO);
  if (flags != nullptr) none_or_enough(dec, flags->bindingCount, v.bindingCount);
}

void check(Decoder& dec, const VkGraphicsPipelineCreateInfo& v) {
  if (dec.resolves()) check_feedback(dec, v, v.stageCount);
}

void check(Decoder& dec, const VkRayTracingPipelineCreateInfoKHR& v) {
  if (!dec.resolves()) return;
  check_feedback(dec, v, v.stageCount);
  if (v.pGroups == nullptr) return;
  for (const VkRayTracingShaderGroupCreateInfoKHR& group : std::span(v.pGroups, v.groupCount)) {
    for (const std::uint32_t shader :
         {group.generalShader, group.closestHitShader, group.anyHitShader, group.intersectionShader}) {
      is_index(dec, shader, v.stageCount, VK_SHADER_UNUSED_KHR);
    }
  }
}

void check(Decoder& dec, const VkRenderPassCreateInfo& v) {
  if (!dec.resolves()) return;
  check_render_pass(dec, v);
  const auto* multiview =
      chained<VkRenderPassMultiviewCreateInfo>(v.pNext, VK_STRUCTURE_TYPE_RENDER_PASS_MULTIVIEW_CREATE_INFO);
  if (multiview != nullptr) {
    none_or_enough(dec, multiview->subpassCount, v.subpassCount);
    none_or_enough(dec, multiview->dependencyCount, v.dependencyCount);
  }
}

void check(Decoder& dec, const VkRenderPassCreateInfo2& v) {
  if (!dec.resolves()) return;
  check_render_pass(dec, v);
  if (v.pSubpasses == nullptr) return;
  for (const VkSubpassDescription2& subpass : std::span(v.pSubpasses, v.subpassCount)) {
    const auto* resolve = chained<VkSubpassDescriptionDepthStencilResolve>(
        subpass.pNext, VK_STRUCTURE_TYPE_SUBPASS_DESCRIPTION_DEPTH_STENCIL_RESOLVE);
    if (resolve != nullptr) check_references(dec, resolve->pDepthStencilResolveAttachment, 1, v.attachmentCount);
    const auto* rate = chained<VkFragmentShadingRateAttachmentInfoKHR>(
        subpass.pNext, VK_STRUCTURE_TYPE_FRAGMENT_SHADING_RATE_ATTACHMENT_INFO_KHR);
    if (rate != nullptr) check_references(dec, rate->pFragmentShadingRateAttachment, 1, v.attachmentCount);
  }
}

void check(Decoder& dec, const VkShaderModuleCreateInfo& v) {
  if (!dec.resolves() || v.pCode == nullptr) return;
  const std::span words(v.pCode, v.codeSize / sizeof(std::uint32_t));
  if (const std::size_t bad = first_bad_word(words); bad != words.size()) dec.fail(DecodeErrc::bad_spirv, bad);
}

void check(Decoder& dec, const VkSpecializationInfo& v) {
  if (!dec.resolves() || v.pMapEntries == nullptr) return;
  for (const VkSpecializationMapEntry& entry : std::span(v.pMapEntries, v.mapEntryCount)) {
    if (entry.offset > v.dataSize || entry.size > v.dataSize - entry.offset) {
      dec.fail(DecodeErrc::bad_range, entry.offset);
    }
  }
}

void check_chain(Decoder& dec, const VkWriteDescriptorSet& v) {
  if (!dec.resolves()) return;
  const auto* block = chained<VkWriteDescriptorSetInlineUniformBlock>(
      v.pNext, VK_STRUCTURE_TYPE_WRITE_DESCRIPTOR_SET_INLINE_UNIFORM_BLOCK);
  if (block != nullptr && v.descriptorType == VK_DESCRIPTOR_TYPE_INLINE_UNIFORM_BLOCK &&
      block->dataSize != v.descriptorCount) {
    dec.fail(DecodeErrc::bad_range, block->dataSize);
  }
  const auto* structures = chained<VkWriteDescriptorSetAccelerationStructureKHR>(
      v.pNext, VK_STRUCTURE_TYPE_WRITE_DESCRIPTOR_SET_ACCELERATION_STRUCTURE_KHR);
  if (structures != nullptr && v.descriptorType == VK_DESCRIPTOR_TYPE_ACCELERATION_STRUCTURE_KHR &&
      structures->accelerationStructureCount != v.descriptorCount) {
    dec.fail(DecodeErrc::bad_range, structures->accelerationStructureCount);
  }
}

void check(Decoder& dec, const vkWriteAccelerationStructuresPropertiesKHR_args& args) {
  // All properties are VkDeviceSize. The driver writes one every `stride` bytes, without looking at dataSize.
  constexpr std::size_t kSize = sizeof(VkDeviceSize);
  if (!dec.resolves() || args.accelerationStructureCount == 0) return;
  const std::size_t others = args.accelerationStructureCount - 1;
  if (args.dataSize < kSize || (others != 0 && args.stride > (args.dataSize - kSize) / others)) {
    dec.fail(DecodeErrc::bad_range, args.dataSize);
  }
}

void check(Decoder& dec, const VkBindSparseInfo& v) {
  if (dec.resolves() && v.pNext != nullptr) lengthen_timelines(dec, v);
}

void check(Decoder& dec, const VkSubmitInfo& v) {
  if (!dec.resolves() || v.pNext == nullptr) return;
  lengthen_timelines(dec, v);
  auto* group = chained<VkDeviceGroupSubmitInfo>(v.pNext, VK_STRUCTURE_TYPE_DEVICE_GROUP_SUBMIT_INFO);
  if (group == nullptr) return;
  lengthen(dec, group->waitSemaphoreCount, group->pWaitSemaphoreDeviceIndices, v.waitSemaphoreCount);
  lengthen(dec, group->commandBufferCount, group->pCommandBufferDeviceMasks, v.commandBufferCount);
  lengthen(dec, group->signalSemaphoreCount, group->pSignalSemaphoreDeviceIndices, v.signalSemaphoreCount);
}

}  // namespace hesper::wire
