// Spare uploads: counts that keep Mesa's Venus from waiting for itself where blobs come first. Where and why it would:
// docs/memory.md, "Blobs first".
//
// There Mesa hangs in the first large command unless it finds shared memory of 1 MiB in its cache, where only such gets
// that it has had before. Its memory for replies is of that size, too, and goes there when the next reply does not fit
// any more. How large a reply is follows from counts that we tell: so those of two lists are told so large that the
// replies need one such piece each. What the lists hold is what they always hold: the second answer of a two-call
// query may be shorter than the first.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace hesper::render {

// As Mesa lays out what it expects; with other sizes a count is only a count.
inline constexpr std::uint32_t kReplyMemory = 1 << 20;
inline constexpr std::uint32_t kRepliedExtension = 268;  // VkExtensionProperties
// VkQueueFamilyProperties2: of Mesa 25.0, which asks for them before the features, and of 26.1, which asks for their
// global priorities, too, and afterwards.
inline constexpr std::uint32_t kRepliedQueueFamily = 36;
inline constexpr std::uint32_t kRepliedQueueFamilyWithPriorities = 124;

// The most that a reply of `kReplyMemory` has room for, but no fewer than there are. The query of so many queue
// families is a large command itself: Mesa takes its memory for uploads there, when there is some for certain.
[[nodiscard]] constexpr std::uint32_t told_count(std::uint32_t there_are, std::uint32_t element) noexcept {
  constexpr std::uint32_t kReplyHeader = 28;
  return std::max(there_are, (kReplyMemory - kReplyHeader) / element);
}

// Programs give a pipeline cache back in one command, when they start again. Larger than this it would need more memory
// than Mesa has in its cache; a part of a cache is a cache, too.
inline constexpr std::size_t kMostPipelineCacheData = 512 * 1024;

}  // namespace hesper::render
