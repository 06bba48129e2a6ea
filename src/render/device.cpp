// Devices and their queues' beginnings and ends. What queues do is in queue.cpp.
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>
#include <vector>

#include "base/log.h"
#include "render/chain.h"
#include "render/client_context.h"
#include "render/extensions.h"
#include "render/handlers_gen.h"
#include "render/physical_device.h"
#include "render/stream.h"

namespace hesper::render {
namespace {

// The client's list without what only we know, plus what the memory strategy and portability hosts need.
std::vector<const char*> host_extensions_for(const PhysicalDevice& physical, const VkDeviceCreateInfo& info) {
  std::vector<const char*> names;
  const auto add = [&](const char* name) {
    if (!physical.host_has(name)) return;
    if (!std::ranges::contains(names, std::string_view(name))) names.push_back(name);
  };
  for (std::uint32_t i = 0; i < info.enabledExtensionCount; ++i) add(info.ppEnabledExtensionNames[i]);
  if (physical.memory.strategy == MemoryStrategy::dmabuf) {
    add(VK_KHR_EXTERNAL_MEMORY_FD_EXTENSION_NAME);
    add(VK_EXT_EXTERNAL_MEMORY_DMA_BUF_EXTENSION_NAME);
  } else {
    add(VK_EXT_EXTERNAL_MEMORY_HOST_EXTENSION_NAME);
  }
  if (!physical.emulation.semaphore_sync_fd) add(VK_KHR_EXTERNAL_SEMAPHORE_FD_EXTENSION_NAME);
  if (!physical.emulation.fence_sync_fd) add(VK_KHR_EXTERNAL_FENCE_FD_EXTENSION_NAME);
  add("VK_KHR_portability_subset");
  return names;
}

// The first extension on the client's list that it cannot know of, or nullptr.
const char* first_unknown_extension(const PhysicalDevice& physical, const VkDeviceCreateInfo& info) {
  for (std::uint32_t i = 0; i < info.enabledExtensionCount; ++i) {
    const char* name = info.ppEnabledExtensionNames[i];
    if (!contains(physical.extensions, name) && !guest_implements(name)) return name;
  }
  return nullptr;
}

void fetch_queues(Device& device, const VkDeviceCreateInfo& info, flight::Recorder& recorder) {
  for (std::uint32_t i = 0; i < info.queueCreateInfoCount; ++i) {
    const VkDeviceQueueCreateInfo& wanted = info.pQueueCreateInfos[i];
    for (std::uint32_t index = 0; index < wanted.queueCount; ++index) {
      VkQueue handle = VK_NULL_HANDLE;
      if (wanted.flags == 0) {
        device.procs->vkGetDeviceQueue(device.handle, wanted.queueFamilyIndex, index, &handle);
      } else {
        const VkDeviceQueueInfo2 queue_info{.sType = VK_STRUCTURE_TYPE_DEVICE_QUEUE_INFO_2,
                                            .pNext = nullptr,
                                            .flags = wanted.flags,
                                            .queueFamilyIndex = wanted.queueFamilyIndex,
                                            .queueIndex = index};
        device.procs->vkGetDeviceQueue2(device.handle, &queue_info, &handle);
      }
      if (handle == VK_NULL_HANDLE) continue;
      device.queues.push_back(
          std::make_unique<Queue>(device, handle, wanted.queueFamilyIndex, index, wanted.flags, recorder));
    }
  }
}

// Queue counts that the driver would trust blindly.
bool queues_exist(const PhysicalDevice& physical, const VkDeviceCreateInfo& info) {
  std::uint32_t count = 0;
  physical.procs->vkGetPhysicalDeviceQueueFamilyProperties(physical.handle, &count, nullptr);
  std::vector<VkQueueFamilyProperties> families(count);
  physical.procs->vkGetPhysicalDeviceQueueFamilyProperties(physical.handle, &count, families.data());
  for (std::uint32_t i = 0; i < info.queueCreateInfoCount; ++i) {
    const VkDeviceQueueCreateInfo& wanted = info.pQueueCreateInfos[i];
    if (wanted.queueFamilyIndex >= families.size()) return false;
    if (wanted.queueCount == 0 || wanted.queueCount > families[wanted.queueFamilyIndex].queueCount) return false;
  }
  return info.queueCreateInfoCount != 0;
}

std::vector<int> types_in_chain(const void* next) {
  std::vector<int> types;
  for (auto* each = static_cast<const VkBaseInStructure*>(next); each != nullptr; each = each->pNext)
    types.push_back(static_cast<int>(each->sType));
  return types;
}

}  // namespace

Device::~Device() { shut_down(); }

void Device::shut_down() {
  if (handle == VK_NULL_HANDLE) return;
  for (const auto& queue : queues) queue->finish();  // waits for the GPU
  for (VkFence fence : parked_fences) procs->vkDestroyFence(handle, fence, nullptr);
  procs->vkDestroyDevice(std::exchange(handle, VK_NULL_HANDLE), nullptr);
}

void on_vkCreateDevice(CommandStream& stream, wire::vkCreateDevice_args& args) {
  const wire::ObjectId id = *args.pDevice_ids;
  if (!stream.reserve(VK_OBJECT_TYPE_DEVICE, id)) return;
  auto& physical = *static_cast<PhysicalDevice*>(static_cast<InstanceChild*>(args.physicalDevice.state));
  if (const char* unknown = first_unknown_extension(physical, *args.pCreateInfo); unknown != nullptr) {
    log::warn("{}: a device is asked for with {}, which was not offered.", stream.context().options().name, unknown);
    args.ret = VK_ERROR_EXTENSION_NOT_PRESENT;
    return;
  }
  if (!queues_exist(physical, *args.pCreateInfo)) {
    args.ret = VK_ERROR_INITIALIZATION_FAILED;
    return;
  }
  if (stream.context().too_many_devices(*physical.instance)) {
    args.ret = VK_ERROR_TOO_MANY_OBJECTS;
    return;
  }
  const auto extensions = host_extensions_for(physical, *args.pCreateInfo);
  VkDeviceCreateInfo info = *args.pCreateInfo;
  info.enabledLayerCount = 0;
  info.ppEnabledLayerNames = nullptr;
  info.enabledExtensionCount = static_cast<std::uint32_t>(extensions.size());
  info.ppEnabledExtensionNames = extensions.data();
  VkDevice handle = VK_NULL_HANDLE;
  args.ret = physical.procs->vkCreateDevice(physical.handle, &info, nullptr, &handle);
  if (args.ret != VK_SUCCESS) {
    log::info("{}: the host's driver refuses a device (VkResult {}) with {} and structures of types {}.",
              stream.context().options().name, static_cast<int>(args.ret), fmt::join(extensions, " "),
              fmt::join(types_in_chain(info.pNext), " "));
    return;
  }

  const auto device = std::make_shared<Device>(physical, stream.context().next_device_number());
  device->handle = handle;
  load(device->procs_table, physical.procs->vkGetDeviceProcAddr, handle);
  device->procs = &device->procs_table;
  device->device = device.get();
  fetch_queues(*device, info, stream.context().recorder());
  {
    Instance& instance = *physical.instance;
    const std::scoped_lock lock(instance.devices_mutex);
    if (instance.gone) return stream.refuse(args.kType, "The instance is being destroyed.");
    instance.devices.push_back(device);
  }
  stream.created_with_state(*device, VK_OBJECT_TYPE_DEVICE, id, std::bit_cast<std::uint64_t>(handle));
}

bool destroy_device(ClientContext& context, Device& device) {
  std::shared_ptr<Device> last;
  {
    Instance& instance = *device.physical_device.instance;
    const std::scoped_lock lock(instance.devices_mutex);
    const auto it = std::ranges::find(instance.devices, &device, &std::shared_ptr<Device>::get);
    if (it == instance.devices.end()) return false;
    last = std::move(*it);
    instance.devices.erase(it);
  }
  device.gone.store(true, std::memory_order_relaxed);  // the locks below show it to those who come after us
  context.unbind_timelines(device);
  std::vector<std::pair<wire::ObjectId, wire::Object>> left;
  context.objects().for_each([&](wire::ObjectId id, const wire::Object& object) {
    if (object.owner == device.number) left.emplace_back(id, object);
  });
  for (const auto& [id, object] : left) context.objects().erase(id);
  for (const auto& queue : device.queues) queue->finish();  // waits for the GPU, which may use what is destroyed next
  for (const auto& [id, object] : left) destroy_leaked(device, object);
  context.remove_memories(device);  // unmaps pages; nothing of the driver's uses them any more
  device.shut_down();
  context.reclaimer().retire(std::move(last));
  return true;
}

void on_vkDestroyDevice(CommandStream& stream, wire::vkDestroyDevice_args& args) {
  if (args.device.id == 0) return;
  if (!destroy_device(stream.context(), device_of(args.device.state))) {
    stream.refuse(args.kType, "The device is destroyed on two streams at once.");
  }
}

void on_vkGetDeviceQueue2(CommandStream& stream, wire::vkGetDeviceQueue2_args& args) {
  const wire::ObjectId id = *args.pQueue_ids;
  if (!stream.reserve(VK_OBJECT_TYPE_QUEUE, id)) return;
  Device& device = device_of(args.device.state);
  const std::scoped_lock lock(device.queues_mutex);
  const auto queue = std::ranges::find_if(device.queues, [&](const auto& q) {
    return q->family == args.pQueueInfo->queueFamilyIndex && q->index == args.pQueueInfo->queueIndex &&
           q->flags == args.pQueueInfo->flags;
  });
  if (queue == device.queues.end()) return stream.refuse(args.kType, "The device was created without this queue.");
  if ((*queue)->id != 0) return stream.refuse(args.kType, "The queue has an id already.");
  const auto* timeline = find_in_chain<wire::VkDeviceQueueTimelineInfoMESA>(
      args.pQueueInfo->pNext, wire::VK_STRUCTURE_TYPE_DEVICE_QUEUE_TIMELINE_INFO_MESA);
  if (timeline == nullptr || !stream.context().bind_timeline(timeline->ringIdx, **queue)) {
    return stream.refuse(args.kType, "The queue's timeline index is missing, taken or not between 1 and 63.");
  }
  (*queue)->id = id;
  stream.created_with_state(**queue, VK_OBJECT_TYPE_QUEUE, id, std::bit_cast<std::uint64_t>((*queue)->handle));
}

}  // namespace hesper::render
