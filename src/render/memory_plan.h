// MemoryPlan and Emulation: what was decided about one physical device before the client saw it: how memory that the
// client maps is made, and which missing host features are stood in for. Found by probing (probe.cpp).
#pragma once

#include <vulkan/vulkan_core.h>

#include <cstdint>
#include <string>

#include "render/context.h"
#include "render/procs_gen.h"

namespace hesper::render {

// What a context's options ask for.
struct MemoryWish {
  MemoryStrategy strategy = MemoryStrategy::automatic;  // or the one to try
  // Imports are ranges of larger files that somebody else has laid out: hostptr only.
  bool ranges = false;
  VkDeviceSize granularity = 0;  // bytes; ContextOptions::import_granularity
};
[[nodiscard]] MemoryWish wish_of(const ContextOptions& options) noexcept;

struct MemoryPlan {
  MemoryStrategy strategy = MemoryStrategy::hostptr;  // never automatic
  std::uint32_t mappable_types = 0;                   // memory types (bits) that may be shown as HOST_VISIBLE
  VkDeviceSize import_alignment = 4096;               // hostptr: sizes and addresses are multiples of it
  bool sparse = true;                                 // sparse resources can be bound to mappable memory
  // hostptr: other pages can be put where imported ones are mapped, and the driver uses those from then on. In steps
  // that any client's memory has.
  bool replaceable = false;
  bool names_imports = false;  // hostptr: buffers and images do, see imported_pages.h
  std::string reason;          // a sentence: why this strategy
};

struct Emulation {
  bool semaphore_sync_fd = false;  // the host cannot import and export SYNC_FD semaphores
  bool fence_sync_fd = false;      // the host cannot export SYNC_FD fences
  bool dma_buf = false;            // shared pages are announced as dma-bufs, linear images as DRM format modifier
};

// Tries the strategies on the device for real: allocates, maps through a second mapping, lets the GPU write, compares.
// Errors: none works; the sentence says why not.
[[nodiscard]] Result<MemoryPlan> plan_memory(const InstanceProcs& procs, VkPhysicalDevice device,
                                             const MemoryWish& wish);

// dma_buf_wanted: also stand in for dma-bufs; granted where strategy hostptr and VK_EXT_queue_family_foreign are there.
[[nodiscard]] Emulation plan_emulation(const InstanceProcs& procs, VkPhysicalDevice device, MemoryStrategy strategy,
                                       bool dma_buf_wanted);

}  // namespace hesper::render
