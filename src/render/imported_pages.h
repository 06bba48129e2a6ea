// Imported pages: what buffers and images say at their creation so that memory of strategy hostptr may be bound to
// them. Vulkan demands that they name the handle type of an import (VUID-VkBindBufferMemoryInfo-memory-02985 and
// -02989), but clients, for whom it is plain memory, do not; and some drivers answer such a name with other memory
// requirements than without. So it is only said where it changes nothing. docs/memory.md.
#pragma once

#include <vulkan/vulkan_core.h>

#include "render/objects.h"

namespace hesper::render {

// Whether a buffer and images of both tilings have the same memory requirements with and without the name. device: of
// physical, with VK_EXT_external_memory_host.
[[nodiscard]] bool naming_imports_changes_nothing(const InstanceProcs& instance, VkPhysicalDevice physical,
                                                  const DeviceProcs& procs, VkDevice device);

// Puts `link` in front of the create info's chain if the plan says that imports are named, and if the driver supports
// just such a buffer or image. link must live until the create info was used.
void name_imports(const PhysicalDevice& device, VkBufferCreateInfo& info, VkExternalMemoryBufferCreateInfo& link);
void name_imports(const PhysicalDevice& device, VkImageCreateInfo& info, VkExternalMemoryImageCreateInfo& link);

}  // namespace hesper::render
