// Physical devices: how they are found and what is changed in their answers. The plans behind that: memory_plan.h.
#pragma once

#include <vulkan/vulkan_core.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/error.h"
#include "render/loader.h"
#include "render/objects.h"

namespace hesper::render {

// The newest Vulkan version that this renderer replays; the patch number is the host's own.
inline constexpr std::uint32_t kNewestVersion = VK_MAKE_API_VERSION(0, 1, 4, VK_API_VERSION_PATCH(~0u));

// Whether programs may put shaders into the create infos of pipelines: with Vulkan 1.4, VK_KHR_maintenance5 or
// VK_EXT_graphics_pipeline_library. Not where blobs come first, as each thread that does so needs memory of its own for
// large commands, and for new memory Mesa waits for itself: docs/memory.md, "Blobs first".
[[nodiscard]] bool offers_inline_shaders(const ContextOptions& options) noexcept;

// Creates the host's instance for a client (app may be nullptr: version 1.1). validation: null for none.
[[nodiscard]] Result<std::unique_ptr<Instance>> create_host_instance(const Loader& loader, const VkApplicationInfo* app,
                                                                     std::unique_ptr<Validation> validation);

// What tells one host driver and device from another, for reports and captures.
struct DeviceIdentity {
  std::string driver;  // name and version as the driver words them
  std::string uuid;    // of the device, 32 hexadecimal digits
};
[[nodiscard]] DeviceIdentity identify(const InstanceProcs& procs, VkPhysicalDevice device);

// Fills instance.physical_devices: those of Vulkan 1.1 on which a memory strategy works. Logs why others are left out.
[[nodiscard]] VkResult find_physical_devices(Instance& instance, const ContextOptions& options);

// Extensions that the guest implements itself, on top of what it gets. They are not shown to it, but it may still name
// them when it creates a device, as Mesa hands on its program's list.
[[nodiscard]] bool guest_implements(std::string_view extension) noexcept;

// Take sparse binding out of what the client is told, where the plan has none.
void hide_sparse(VkPhysicalDeviceFeatures& features) noexcept;
void hide_sparse(VkPhysicalDeviceProperties& properties) noexcept;

// Make what the client is told fit the plan. Memory types that cannot be mapped are not shown as host-visible; queue
// families have no sparse binding where the plan has none, and timestamps only where Mesa can read them.
void apply_plan(const MemoryPlan& plan, VkPhysicalDeviceMemoryProperties& properties) noexcept;
void apply_plan(const MemoryPlan& plan, VkQueueFamilyProperties& family) noexcept;

// True for memory types whose memory is the host's own, which ContextOptions::memory_budget counts; the memory of a GPU
// is not. The same for a heap: all of its types count.
[[nodiscard]] bool counts_against_budget(const PhysicalDevice& device, std::uint32_t type) noexcept;
[[nodiscard]] bool is_budgeted_heap(const PhysicalDevice& device, std::uint32_t heap) noexcept;

}  // namespace hesper::render
