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
#include <vector>

#include "base/unique_fd.h"
#include "platform/shared_memory.h"
#include "render/memory_plan.h"
#include "render/procs_gen.h"
#include "render/resource.h"
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

// SAFETY (both): the table stores a pointer to this very base, see state_of().
[[nodiscard]] inline const DeviceProcs& device_procs(const void* state) noexcept {
  return *static_cast<const DeviceChild*>(state)->procs;
}
[[nodiscard]] inline const InstanceProcs& instance_procs(const void* state) noexcept {
  return *static_cast<const InstanceChild*>(state)->procs;
}
[[nodiscard]] inline void* state_of(DeviceChild& object) noexcept { return &object; }
[[nodiscard]] inline void* state_of(InstanceChild& object) noexcept { return &object; }

struct PhysicalDevice : InstanceChild {
  VkPhysicalDevice handle = VK_NULL_HANDLE;
  wire::ObjectId id = 0;  // given by the client's first enumeration; 0 before
  VkPhysicalDeviceProperties properties{};
  std::vector<VkExtensionProperties> host_extensions;
  std::vector<VkExtensionProperties> extensions;  // what the client is shown
  MemoryPlan memory;
  Emulation emulation;

  [[nodiscard]] bool host_has(const char* extension) const noexcept;
};

struct Instance : InstanceChild {
  ~Instance();  // devices first, then the VkInstance

  VkInstance handle = VK_NULL_HANDLE;
  wire::ObjectId id = 0;
  InstanceProcs procs_table{};
  std::uint32_t api_version = 0;
  std::vector<std::unique_ptr<PhysicalDevice>> physical_devices;  // filled by the first enumeration
  std::vector<std::unique_ptr<Device>> devices;                   // under devices_mutex
  std::mutex devices_mutex;
};

// Completes fences of one queue in the order in which they were asked for, on a thread of its own that starts with
// the first one.
struct Queue : DeviceChild {
  Queue(Device& owner, VkQueue queue, std::uint32_t queue_family, std::uint32_t queue_index,
        VkDeviceQueueCreateFlags queue_flags);
  ~Queue();  // waits for what the host still owes, completes all fences, joins

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

  std::mutex pending_mutex_;
  std::condition_variable pending_changed_;
  std::deque<Pending> pending_;
  std::vector<VkFence> free_fences_;
  bool stop_ = false;
  std::thread thread_;
};

// Memory whose pages the client may map. Freed with vkFreeMemory; the pages live on in whoever mapped the fd.
struct Memory : DeviceChild {
  VkDeviceMemory handle = VK_NULL_HANDLE;
  std::uint64_t size = 0;  // bytes behind fd, at least the allocation's
  UniqueFd fd;             // strategy hostptr: the pages; otherwise exported when a blob is asked for
  platform::Mapping mapping;
  bool mappable = false;
};

struct Semaphore : DeviceChild {
  VkSemaphore handle = VK_NULL_HANDLE;
  bool timeline = false;
  // Emulated sync_fd import: the next wait finds a signalled temporary payload. Under Device::sync_mutex.
  bool imported = false;
  Queue* last_signal = nullptr;  // emulated sync_fd export consumes the signal there
};

struct Fence : DeviceChild {
  std::atomic<VkFence> handle{VK_NULL_HANDLE};
};

// Object ids that die with their pool.
struct Pool : DeviceChild {
  std::uint64_t handle = 0;
  std::mutex mutex;
  std::unordered_map<wire::ObjectId, std::uint64_t> children;  // id to host handle
};

struct Device : DeviceChild {
  explicit Device(PhysicalDevice& physical) : physical_device(physical) {}
  ~Device();  // destroys what is left, then the VkDevice

  VkDevice handle = VK_NULL_HANDLE;
  wire::ObjectId id = 0;
  PhysicalDevice& physical_device;
  DeviceProcs procs_table{};
  std::vector<std::unique_ptr<Queue>> queues;  // all that the device was created with

  // Objects with a state of their own. The lock is for the maps only.
  std::mutex objects_mutex;
  std::unordered_map<wire::ObjectId, std::unique_ptr<Memory>> memories;
  std::unordered_map<wire::ObjectId, std::unique_ptr<Pool>> pools;
  std::unordered_map<wire::ObjectId, std::unique_ptr<Fence>> fences;
  std::unordered_map<wire::ObjectId, std::unique_ptr<Semaphore>> semaphores;

  // Emulated sync_fd: see docs/wsi-emulation.md.
  std::mutex sync_mutex;
  std::unordered_map<VkSemaphore, Semaphore*> semaphore_of;
  std::size_t imported_semaphores = 0;   // how many have Semaphore::imported set
  std::vector<VkFence> parked_fences;    // replaced while they may still be pending
};

}  // namespace hesper::render
