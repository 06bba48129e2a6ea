// Answers: what the fake driver says where "success and zeros" would make no usable device.
#pragma once

#include <vulkan/vulkan_core.h>

#include <cstdint>
#include <map>
#include <span>
#include <unordered_map>
#include <utility>
#include <vector>

#include "fake_driver.h"

namespace hesper::fake {

struct FakeDriver::State {
  std::vector<VkPhysicalDevice> devices;
  std::map<std::pair<std::uint32_t, std::uint32_t>, std::uint64_t> queues;  // by family and index
  std::unordered_map<VkDeviceMemory, std::span<std::byte>> imported;
  VkDeviceSize image_alignment = 0;  // bytes; 0: as buffers'
  std::unordered_map<VkBuffer, VkDeviceSize> buffer_sizes;
  std::unordered_map<VkBuffer, std::pair<VkDeviceMemory, VkDeviceSize>> bound;  // with the offset
};

inline constexpr std::uint32_t kQueueFamilies = 2;
inline constexpr std::uint32_t kQueuesPerFamily = 4;
inline constexpr std::uint32_t kMemoryTypes = 2;

// True if answer() has something to say, lists in full.
[[nodiscard]] bool has_answer(const Command& command);
// Overwrites outputs of a successful call with what its function has to say, if anything.
void answer(FakeDriver& driver, const Command& command, void* params);

// True if `command` hands out objects that exist already; answer() does it.
[[nodiscard]] bool hands_out(const Command& command) noexcept;

}  // namespace hesper::fake
