// Command buffers and descriptor sets: objects whose ids die with their pool.
#include <span>
#include <unordered_set>
#include <vector>

#include "render/client_context.h"
#include "render/handlers_gen.h"
#include "render/stream.h"

namespace hesper::render {
namespace {

// Allocates through `host` and registers the results, or tombstones under all ids. children: the device's map.
template <class Args, class Pool, class Handle, class Host>
void allocate(CommandStream& stream, Args& args, VkObjectType type, Pool pool, std::uint32_t count, Handle* handles,
              wire::ObjectId* ids, std::unordered_map<Pool, std::unordered_set<wire::ObjectId>>& children,
              Host&& host) {
  const std::span<wire::ObjectId> all(ids, count);
  for (const wire::ObjectId id : all) {
    if (!stream.reserve(type, id)) return;
  }
  Device& device = device_of(args.device.state);
  args.ret = stream.tombstone() ? VK_ERROR_OUT_OF_POOL_MEMORY : host(*device.procs);
  if (args.ret != VK_SUCCESS) {
    for (wire::ObjectId& id : all) {
      stream.failed(args.device.state, type, id);
      id = 0;  // the reply says that there is no object
    }
    return;
  }
  const std::scoped_lock lock(device.pools_mutex);
  auto& of_pool = children[pool];
  for (std::uint32_t i = 0; i < count; ++i) {
    stream.created(args.device.state, type, ids[i], std::bit_cast<std::uint64_t>(handles[i]));
    of_pool.insert(ids[i]);
  }
}

// Forgets the ids that die with the pool, or with its reset.
template <class Pool>
void forget_children(CommandStream& stream, Device& device, Pool pool,
                     std::unordered_map<Pool, std::unordered_set<wire::ObjectId>>& children) {
  const std::scoped_lock lock(device.pools_mutex);
  const auto node = children.extract(pool);
  if (!node) return;
  for (const wire::ObjectId id : node.mapped()) stream.context().objects().erase(id);
}

// Forgets the ids of some children that the caller then frees. False (and the context is fatal): one is not of this
// pool, or is named twice.
template <class Args, class Pool, class Handle>
bool forget_some(CommandStream& stream, const Args&, Device& device, Pool pool, const Handle* handles,
                 const wire::ObjectId* ids, std::uint32_t count,
                 std::unordered_map<Pool, std::unordered_set<wire::ObjectId>>& children) {
  const std::scoped_lock lock(device.pools_mutex);
  const auto it = children.find(pool);
  for (std::uint32_t i = 0; i < count; ++i) {
    if (ids[i] == 0) continue;
    const bool tombstone = handles[i] == VK_NULL_HANDLE;  // never was in a pool
    if (!tombstone && (it == children.end() || it->second.erase(ids[i]) == 0)) {
      stream.refuse(Args::kType, "An object that is freed is not of this pool.");
      return false;
    }
    stream.context().objects().erase(ids[i]);
  }
  return true;
}

// The handles that the driver knows: freeing a tombstone only forgets its id.
template <class Handle>
std::vector<Handle> living(const Handle* handles, std::uint32_t count) {
  std::vector<Handle> out;
  for (std::uint32_t i = 0; i < count; ++i) {
    if (handles[i] != VK_NULL_HANDLE) out.push_back(handles[i]);
  }
  return out;
}

}  // namespace

// ---- Command pools ----

void on_vkAllocateCommandBuffers(CommandStream& stream, wire::vkAllocateCommandBuffers_args& args) {
  Device& device = device_of(args.device.state);
  allocate(stream, args, VK_OBJECT_TYPE_COMMAND_BUFFER, args.pAllocateInfo->commandPool,
           args.pAllocateInfo->commandBufferCount, args.pCommandBuffers, args.pCommandBuffers_ids,
           device.command_buffers, [&](const DeviceProcs& vk) {
             return vk.vkAllocateCommandBuffers(device.handle, args.pAllocateInfo, args.pCommandBuffers);
           });
}

void on_vkFreeCommandBuffers(CommandStream& stream, wire::vkFreeCommandBuffers_args& args) {
  if (args.commandBufferCount != 0 && args.pCommandBuffers == nullptr) {
    return stream.refuse(args.kType, "The array of command buffers is NULL.");
  }
  Device& device = device_of(args.device.state);
  if (!forget_some(stream, args, device, args.commandPool.handle, args.pCommandBuffers, args.pCommandBuffers_ids,
                   args.commandBufferCount, device.command_buffers))
    return;
  const auto handles = living(args.pCommandBuffers, args.commandBufferCount);
  if (!handles.empty() && args.commandPool.handle != VK_NULL_HANDLE) {
    device.procs->vkFreeCommandBuffers(device.handle, args.commandPool.handle,
                                       static_cast<std::uint32_t>(handles.size()), handles.data());
  }
}

void on_vkDestroyCommandPool(CommandStream& stream, wire::vkDestroyCommandPool_args& args) {
  if (args.commandPool.id == 0 || !stream.destroyed(args.kType, args.commandPool)) return;
  if (!stream.tombstone()) {
    Device& device = device_of(args.device.state);
    forget_children(stream, device, args.commandPool.handle, device.command_buffers);
    device.procs->vkDestroyCommandPool(device.handle, args.commandPool.handle, nullptr);
  }
}

// ---- Descriptor pools ----

void on_vkAllocateDescriptorSets(CommandStream& stream, wire::vkAllocateDescriptorSets_args& args) {
  Device& device = device_of(args.device.state);
  allocate(stream, args, VK_OBJECT_TYPE_DESCRIPTOR_SET, args.pAllocateInfo->descriptorPool,
           args.pAllocateInfo->descriptorSetCount, args.pDescriptorSets, args.pDescriptorSets_ids,
           device.descriptor_sets, [&](const DeviceProcs& vk) {
             return vk.vkAllocateDescriptorSets(device.handle, args.pAllocateInfo, args.pDescriptorSets);
           });
}

void on_vkFreeDescriptorSets(CommandStream& stream, wire::vkFreeDescriptorSets_args& args) {
  if (args.descriptorSetCount != 0 && args.pDescriptorSets == nullptr) {
    return stream.refuse(args.kType, "The array of descriptor sets is NULL.");
  }
  Device& device = device_of(args.device.state);
  if (!forget_some(stream, args, device, args.descriptorPool.handle, args.pDescriptorSets, args.pDescriptorSets_ids,
                   args.descriptorSetCount, device.descriptor_sets))
    return;
  const auto handles = living(args.pDescriptorSets, args.descriptorSetCount);
  if (!handles.empty() && args.descriptorPool.handle != VK_NULL_HANDLE) {
    device.procs->vkFreeDescriptorSets(device.handle, args.descriptorPool.handle,
                                       static_cast<std::uint32_t>(handles.size()), handles.data());
  }
  args.ret = VK_SUCCESS;
}

void on_vkResetDescriptorPool(CommandStream& stream, wire::vkResetDescriptorPool_args& args) {
  if (stream.tombstone()) {
    args.ret = VK_ERROR_OUT_OF_DEVICE_MEMORY;
    return;
  }
  Device& device = device_of(args.device.state);
  forget_children(stream, device, args.descriptorPool.handle, device.descriptor_sets);
  args.ret = device.procs->vkResetDescriptorPool(device.handle, args.descriptorPool.handle, args.flags);
}

void on_vkDestroyDescriptorPool(CommandStream& stream, wire::vkDestroyDescriptorPool_args& args) {
  if (args.descriptorPool.id == 0 || !stream.destroyed(args.kType, args.descriptorPool)) return;
  if (!stream.tombstone()) {
    Device& device = device_of(args.device.state);
    forget_children(stream, device, args.descriptorPool.handle, device.descriptor_sets);
    device.procs->vkDestroyDescriptorPool(device.handle, args.descriptorPool.handle, nullptr);
  }
}

}  // namespace hesper::render
