// Chains: looking into and editing pNext chains that the decoder built in its arena. The decoder admits only structs
// that vk.xml allows on the chain's root, each with the size that its sType says.
#pragma once

#include <vulkan/vulkan_core.h>

namespace hesper::render {

// The struct of type T with this sType in the chain, or nullptr.
template <class T>
[[nodiscard]] T* find_in_chain(const void* next, VkStructureType type) noexcept {
  for (auto* s = static_cast<const VkBaseInStructure*>(next); s != nullptr; s = s->pNext) {
    // SAFETY: the arena's memory is not const; sType says that it is a T.
    if (s->sType == type) return reinterpret_cast<T*>(const_cast<VkBaseInStructure*>(s));
  }
  return nullptr;
}

// Takes the first struct with this sType out of the chain that hangs on `root` (any struct with sType and pNext).
// Returns it, or nullptr.
template <class Root>
const VkBaseInStructure* unchain(const Root& root, VkStructureType type) noexcept {
  // SAFETY: every Vulkan struct with a chain begins like VkBaseOutStructure, and the arena's memory is not const.
  auto* link = reinterpret_cast<VkBaseOutStructure*>(const_cast<Root*>(&root));
  for (; link->pNext != nullptr; link = link->pNext) {
    if (link->pNext->sType != type) continue;
    VkBaseOutStructure* found = link->pNext;
    link->pNext = found->pNext;
    return reinterpret_cast<const VkBaseInStructure*>(found);
  }
  return nullptr;
}

}  // namespace hesper::render
