// The host side of Vulkan objects: what the renderer remembers about each beyond its handle. The object table's
// state word points to the first base of one of these: InstanceChild for instances and physical devices,
// DeviceChild for everything below a device.
#pragma once

#include <vulkan/vulkan_core.h>

#include <atomic>
#include <chrono>
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
  mutable std::atomic<bool> features_asked = false;  // by the client; see spare_uploads.h

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
  void notify_when_idle(std::function<void()> done) { notify(std::move(done), Clock::time_point::max()); }
  // The same, but not later than half a second after `patience`.
  void notify_when_idle(std::function<void()> done, std::chrono::milliseconds patience) {
    notify(std::move(done), Clock::now() + patience);
  }
  // False: everything that was submitted is known to be complete. Any thread.
  [[nodiscard]] bool may_be_busy();

  const VkQueue handle;
  const std::uint32_t family;
  const std::uint32_t index;
  const VkDeviceQueueCreateFlags flags;
  std::uint32_t ring_idx = 0;  // 1..63 once bound, under the context's timeline lock
  wire::ObjectId id = 0;
  std::mutex mutex;                           // VkQueue is externally synchronised: every use of handle holds it
  std::atomic<std::uint64_t> submissions{0};  // of the client's; written under mutex

 private:
  using Clock = std::chrono::steady_clock;
  struct Pending {
    VkFence fence;  // VK_NULL_HANDLE: complete already
    std::function<void()> done;
    Clock::time_point deadline;     // when `done` is called even if the fence is not signalled
    std::uint64_t submissions = 0;  // complete with it
  };
  void notify(std::function<void()> done, Clock::time_point deadline);
  void call_overdue(Pending& current);
  void run();

  flight::Recorder& recorder_;
  bool finished_ = false;
  std::mutex pending_mutex_;
  std::condition_variable pending_changed_;
  std::deque<Pending> pending_;
  std::vector<VkFence> free_fences_;
  bool stop_ = false;
  std::atomic<std::uint64_t> complete_{0};  // of `submissions`
  std::thread thread_;
};

// What stands behind a VkDeviceMemory. Shared: the door may export it while a ring frees it.
struct Memory {
  VkDeviceMemory handle = VK_NULL_HANDLE;
  Device* device = nullptr;
  std::uint64_t size = 0;           // bytes behind fd, at least the allocation's
  UniqueFd fd;                      // strategy hostptr: the pages; otherwise exported when a blob is asked for
  std::shared_ptr<Resource> range;  // of the door's, if imported; its pages are unmapped before it can be released
  platform::Mapping mapping;        // strategy hostptr: the address that the driver imported
  bool mappable = false;
  bool exportable = false;                       // has fd, or was allocated for export as dma-buf
  std::shared_ptr<const Budget::Charge> charge;  // as Resource::charge, and shared with it: the pages live in both

  // A door may move it while a ring frees it: guards fd, range, charge and what is mapped.
  std::mutex mutex;
  bool freed = false;
  std::uint64_t submissions_before = 0;  // of its device, when it was allocated
};

// The place of a client's bytes in memory that imports a range of the door's: the driver imports whole steps.
struct ImportedRange {
  VkDeviceSize bias = 0;  // bytes before the client's
  VkDeviceSize size = 0;  // what the client has allocated
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

  // What was submitted to all queues so far.
  [[nodiscard]] std::uint64_t submissions() const noexcept;

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

  // For binding.cpp; by the host's handle, which is all that nested structures carry.
  std::mutex ranges_mutex;
  std::unordered_map<VkDeviceMemory, ImportedRange> imported_ranges;

  // Images that the client believes to have the DRM format modifier LINEAR. Emulated dma-bufs only.
  std::mutex images_mutex;
  std::unordered_set<VkImage> linear_images;
};

// Keeps `object`, which the GPU may be using, until the device's queues have done what they were given so far. No
// longer than kLongestKeep: work that takes longer is either endless or, more likely, a correct program's and uses
// something else, since a correct program does not free what is in use. Returns at once. Any thread.
//
// Freed memory that imports a range of the door's is kept so. A client that keeps to Vulkan's rules frees what nothing
// uses. One that does not could leave work running that writes to the range after it was told to be free, that is, into
// whatever the door has put there next. In the time given, work of any reasonable length ends; after it the pages are
// unmapped, so that no CPU writes there (software drivers fault, in their own worker), and the door takes the old pages
// out of the file before it uses the range again, so that a GPU which has them pinned writes to pages that are
// nobody's.
inline constexpr std::chrono::milliseconds kLongestKeep{500};
void keep_until_idle(Device& device, const std::shared_ptr<const void>& object);

// Puts memory of strategy hostptr into a range of the door's, with what is in it; see Context::move_memory(). Any
// thread. Error EFAULT: the driver may have lost pages of it, and the context must be lost.
[[nodiscard]] Result<void> move_into_range(Budget& imports, Memory& memory, std::shared_ptr<Resource> range);

// Moves binds to imported ranges to where the driver has them. False: one of them is outside of its memory.
[[nodiscard]] bool move_sparse_binds(Device& device, const VkBindSparseInfo* infos, std::uint32_t count);

// Destroys a host object that the client still had when it destroyed the device.
void destroy_leaked(Device& device, const wire::Object& object);

}  // namespace hesper::render
