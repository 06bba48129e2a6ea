// Checks: counts, sizes and indices that must fit another part of the same command. Each array's own length was checked
// when it was read; but drivers also trust that arrays fit each other, and would read past what was decoded. Generated
// code calls check() after each of these structs and commands. docs/security.md lists what is checked elsewhere.
#pragma once

#include <vulkan/vulkan_core.h>

#include "wire/commands_gen.h"
#include "wire/decoder.h"

namespace hesper::wire {

// All fail the decoder with bad_range unless said otherwise, and do nothing where ids stay ids: clients and tools call
// no driver.
void check(Decoder& dec, const VkComputePipelineCreateInfo& v);
void check(Decoder& dec, const VkDescriptorSetAllocateInfo& v);
void check(Decoder& dec, const VkDescriptorSetLayoutCreateInfo& v);
void check(Decoder& dec, const VkGraphicsPipelineCreateInfo& v);
void check(Decoder& dec, const VkRayTracingPipelineCreateInfoKHR& v);
void check(Decoder& dec, const VkRenderPassCreateInfo& v);
void check(Decoder& dec, const VkRenderPassCreateInfo2& v);
void check(Decoder& dec, const VkShaderModuleCreateInfo& v);  // bad_spirv
void check(Decoder& dec, const VkSpecializationInfo& v);
void check(Decoder& dec, const vkWriteAccelerationStructuresPropertiesKHR_args& args);

// Most have no chain, and there are many of them.
void check_chain(Decoder& dec, const VkWriteDescriptorSet& v);
inline void check(Decoder& dec, const VkWriteDescriptorSet& v) {
  if (v.pNext != nullptr) check_chain(dec, v);
}

// These lengthen the arrays in their chains that are shorter than drivers take them to be, and fail only if there is no
// memory: Vulkan lets programs pass fewer values than semaphores.
void check(Decoder& dec, const VkBindSparseInfo& v);
void check(Decoder& dec, const VkSubmitInfo& v);

}  // namespace hesper::wire
