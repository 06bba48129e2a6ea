// Extension lists: what loaders and drivers offer. What clients are shown is in physical_device.cpp.
#pragma once

#include <vulkan/vulkan_core.h>

#include <algorithm>
#include <cstdint>
#include <string_view>
#include <vector>

#include "render/procs_gen.h"

namespace hesper::render {

// Empty if the host cannot say.
[[nodiscard]] std::vector<VkExtensionProperties> instance_extensions(const GlobalProcs& procs);
[[nodiscard]] std::vector<VkExtensionProperties> device_extensions(const InstanceProcs& procs, VkPhysicalDevice device);

[[nodiscard]] bool contains(const std::vector<VkExtensionProperties>& extensions, std::string_view name) noexcept;

// Vulkan's two-call answer: without `out` the length, otherwise as many elements as fit, and VK_INCOMPLETE if not all.
template <class Range, class T>
[[nodiscard]] VkResult answer_list(const Range& from, std::uint32_t* count, T* out) noexcept {
  const auto have = static_cast<std::uint32_t>(from.size());
  if (out == nullptr) {
    *count = have;
    return VK_SUCCESS;
  }
  const bool all = *count >= have;
  *count = std::min(*count, have);
  std::copy_n(from.begin(), *count, out);
  return all ? VK_SUCCESS : VK_INCOMPLETE;
}

}  // namespace hesper::render
