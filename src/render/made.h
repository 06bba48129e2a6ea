// made(): the result of a creation. What a driver leaves in the place of a handle when it fails is not to be relied on.
#pragma once

#include <vulkan/vulkan_core.h>

namespace hesper::render {

// Returns `result` of the call that was to create `handle`, which is VK_NULL_HANDLE afterwards if it failed.
template <class Handle>
[[nodiscard]] VkResult made(VkResult result, Handle& handle) noexcept {
  if (result < 0) handle = VK_NULL_HANDLE;
  return result;
}

}  // namespace hesper::render
