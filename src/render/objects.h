// The host side of Vulkan objects: what the renderer remembers about each beyond its handle. The object table's
// state word points to the first base of one of these: InstanceChild for instances and physical devices,
// DeviceChild for everything below a device.
#pragma once

#include <vulkan/vulkan_core.h>

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "base/unique_fd.h"
#include "flight/record.h"
#include "platform/shared_memory.h"
#include "render/memory_plan.h"
#include "render/procs_gen.h"
#include "render/resource.h"
#include "render/validation.h"
#include "wire/object_table.h"

namespace hesper::render {

struct Instance;
struct Device;

struct InstanceChild {
  const InstanceProcs* procs = nullptr;
  Instance* instance = nullptr;
};

struct DeviceChild {
  const DeviceProcs* procs = nullptr;
  Device* device = nullptr;
};

// SAFETY (all three): the table stores a pointer to this very base, see state_of().
[[nodiscard]] inline const DeviceProcs& device_procs(const void* state) noexcept {
  return *static_cast<const DeviceChild*>(state)->procs;
}
[[nodiscard]] inline const InstanceProcs& instance_procs(const void* state) noexcept {
  return *static_cast<const InstanceChild*>(state)->procs;
}
[[nodiscard]] inline Device& device_of(const void* state) noexcept {
  return *static_cast<const DeviceChild*>(state)->device;
}
[[nodiscard]] inline void* state_of(DeviceChild& object) noexcept { return &object; }
[[nodiscard]] inline void* state_of(InstanceChild& object) noexcept { return &object; }

struct PhysicalDevice : InstanceChild {
  VkPhysicalDevice handle = VK_NULL_HANDLE;
  wire::ObjectId id = 0;  // given by the client's first enumeration; 0 before
  VkPhysicalDeviceProperties properties{};
  VkPhysicalDeviceMemoryProperties memory_properties{};  // the host's
  std::vector<VkExtensionProperties> host_extensions;
  std::vector<VkExtensionProperties> extensions;  // what the client is shown
  MemoryPlan memory;
  Emulation emulation;

  [[nodiscard]] bool host_has(const char* extension) const noexcept;
};

struct Instance : InstanceChild {
  ~Instance();  // shuts down what is left

  // Destroys the devices and the VkInstance; other streams may still hold this struct. Once.
  void shut_down();

  VkInstance handle = VK_NULL_HANDLE;
  PFN_vkGetInstanceProcAddr look_up = nullptr;
  InstanceProcs procs_table{};
  std::unique_ptr<Validation> validation;  // null unless asked for
  std::mutex physical_devices_mutex;
  std::vector<std::unique_ptr<PhysicalDevice>> physical_devices;  // filled by the first enumeration
  std::mutex devices_mutex;
  std::vector<std::shared_ptr<Device>> devices;
  bool gone = false;  // under devices_mutex: no device may be added any more
};

// Completes fences of one queue in the order in which they were asked for, on a thread of its own that starts with
// the first one.
struct Queue : DeviceChild {
  Queue(Device& owner, VkQueue queue, std::uint32_t queue_family, std::uint32_t queue_index,
        VkDeviceQueueCreateFlags queue_flags, flight::Recorder& recorder);
  ~Queue();  // finishes

  // Waits for what the host still owes, completes all fences, joins. Nobody asks for fences any more. Once.
  void finish();

  // Calls `done` once everything submitted so far is complete. Any thread.
  void notify_when_idle(std::function<void()> done);

  const VkQueue handle;
  const std::uint32_t family;
  const std::uint32_t index;
  const VkDeviceQueueCreateFlags flags;
  std::uint32_t ring_idx = 0;  // 1..63 once bound, under the context's timeline lock
  wire::ObjectId id = 0;
  std::mutex mutex;  // VkQueue is externally synchronised: every use of handle holds it

 private:
  struct Pending {
    VkFence fence;  // VK_NULL_HANDLE: complete already
    std::function<void()> done;
  };
  void run();

  flight::Recorder& recorder_;
  bool finished_ = false;
  std::mutex pending_mutex_;
  std::condition_variable pending_changed_;
  std::deque<Pending> pending_;
  std::vector<VkFence> free_fences_;
  bool stop_ = false;
  std::thread thread_;
};

// What stands behind a VkDeviceMemory. Shared: the door may export it while a ring frees it.
struct Memory {
  VkDeviceMemory handle = VK_NULL_HANDLE;
  Device* device = nullptr;
  std::uint64_t size = 0;     // bytes behind fd, at least the allocation's
  UniqueFd fd;                // strategy hostptr: the pages; otherwise exported when a blob is asked for
  platform::Mapping mapping;  // strategy hostptr: the address that the driver imported
  bool mappable = false;
  bool exportable = false;                       // has fd, or was allocated for export as dma-buf
  std::shared_ptr<const Budget::Charge> charge;  // as Resource::charge, and shared with it: the pages live in both
};

// Stands in for sync_fd payloads where the host has none; docs/wsi-emulation.md.
struct EmulatedSemaphore {
  bool imported = false;         // the next wait finds a temporary payload that is signalled already
  Queue* last_signal = nullptr;  // where an export consumes the signal
};

// What sizes are checked against where drivers check nothing; docs/security.md.
struct QueryPool {
  std::uint32_t queries;
  std::uint32_t values;  // of each result, 4 or 8 bytes wide
};
struct HostImage {
  VkFormat format;
  VkExtent3D extent;
  std::uint32_t mip_levels;
  std::uint32_t array_layers;
};

struct Device : DeviceChild {
  Device(PhysicalDevice& physical, std::uint32_t device_number) : physical_device(physical), number(device_number) {}
  ~Device();  // shuts down

  // Finishes the queues and destroys the VkDevice; other streams may still hold this struct. Once.
  void shut_down();

  VkDevice handle = VK_NULL_HANDLE;
  PhysicalDevice& physical_device;
  const std::uint32_t number;     // the `owner` of its objects in the table; unique in the context, never 0
  std::atomic<bool> gone{false};  // being destroyed: what is created from now on must not stay in any table
  DeviceProcs procs_table{};
  std::vector<std::unique_ptr<Queue>> queues;  // all that the device was created with
  std::mutex queues_mutex;                     // guards the queues' ids

  // Ids that die with their pool, by the pool's host handle.
  std::mutex pools_mutex;
  std::unordered_map<VkCommandPool, std::unordered_set<wire::ObjectId>> command_buffers;
  std::unordered_map<VkDescriptorPool, std::unordered_set<wire::ObjectId>> descriptor_sets;

  // Emulated sync_fd; empty on hosts that have the real thing.
  std::mutex sync_mutex;
  std::unordered_map<VkSemaphore, EmulatedSemaphore> emulated_semaphores;  // binary semaphores
  std::size_t imported_semaphores = 0;                                     // how many are `imported`
  std::vector<VkFence> parked_fences;                                      // replaced while they may still be pending

  std::mutex sizes_mutex;
  std::unordered_map<VkQueryPool, QueryPool> query_pools;
  std::unordered_map<VkRenderPass, std::uint32_t> attachments;
  std::unordered_map<VkImage, HostImage> host_images;  // those with VK_IMAGE_USAGE_HOST_TRANSFER_BIT

  // Images that the client believes to have the DRM format modifier LINEAR. Emulated dma-bufs only.
  std::mutex images_mutex;
  std::unordered_set<VkImage> linear_images;
};

// Destroys a host object that the client still had when it destroyed the device.
void destroy_leaked(Device& device, const wire::Object& object);

}  // namespace hesper::render
