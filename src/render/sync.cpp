// Fences and semaphores: waits that end with the stream, and sync_fd payloads, real or emulated.
// docs/wsi-emulation.md says call by call why the emulation is exact.
#include <unistd.h>

#include <algorithm>

#include "base/unique_fd.h"
#include "render/chain.h"
#include "render/client_context.h"
#include "render/handlers_gen.h"
#include "render/stream.h"

namespace hesper::render {
namespace {

// Calls wait(timeout in ns) until it says something else than VK_TIMEOUT, the client's time is up, or the stream ends.
template <class Wait>
VkResult wait_in_slices(CommandStream& stream, std::uint64_t timeout, Wait&& wait) {
  constexpr std::uint64_t kSlice = 100'000'000;  // ns
  while (true) {
    const std::uint64_t slice = std::min(timeout, kSlice);
    const VkResult result = wait(slice);
    if (result != VK_TIMEOUT) return result;
    stream.record().pulse();
    if (timeout != UINT64_MAX) timeout -= slice;
    if (timeout == 0 || stream.stopping()) return VK_TIMEOUT;
  }
}

// Registers what a creation by hand made, or the tombstone.
template <class Args, class Handle>
void register_created(CommandStream& stream, const Args& args, VkObjectType type, wire::ObjectId id, Handle handle) {
  if (args.ret >= 0) {
    stream.created(args.device.state, type, id, std::bit_cast<std::uint64_t>(handle));
  } else {
    stream.failed(args.device.state, type, id);
  }
}

}  // namespace

void on_vkWaitForFences(CommandStream& stream, wire::vkWaitForFences_args& args) {
  if (stream.tombstone()) {
    args.ret = VK_ERROR_OUT_OF_DEVICE_MEMORY;
    return;
  }
  const DeviceProcs& vk = device_procs(args.device.state);
  args.ret = wait_in_slices(stream, args.timeout, [&](std::uint64_t slice) {
    return vk.vkWaitForFences(args.device.handle, args.fenceCount, args.pFences, args.waitAll, slice);
  });
}

void on_vkWaitSemaphores(CommandStream& stream, wire::vkWaitSemaphores_args& args) {
  if (stream.tombstone()) {
    args.ret = VK_ERROR_OUT_OF_DEVICE_MEMORY;
    return;
  }
  const DeviceProcs& vk = device_procs(args.device.state);
  if (vk.vkWaitSemaphores == nullptr) return stream.missing(args.kType);
  args.ret = wait_in_slices(stream, args.timeout, [&](std::uint64_t slice) {
    return vk.vkWaitSemaphores(args.device.handle, args.pWaitInfo, slice);
  });
}

void on_vkCreateFence(CommandStream& stream, wire::vkCreateFence_args& args) {
  const wire::ObjectId id = *args.pFence_ids;
  if (!stream.reserve(VK_OBJECT_TYPE_FENCE, id)) return;
  Device& device = device_of(args.device.state);
  if (device.physical_device.emulation.fence_sync_fd) {
    unchain(*args.pCreateInfo, VK_STRUCTURE_TYPE_EXPORT_FENCE_CREATE_INFO);
  }
  args.ret = device.procs->vkCreateFence(device.handle, args.pCreateInfo, nullptr, args.pFence);
  register_created(stream, args, VK_OBJECT_TYPE_FENCE, id, *args.pFence);
}

void on_vkResetFenceResourceMESA(CommandStream& stream, wire::vkResetFenceResourceMESA_args& args) {
  if (stream.tombstone()) return;
  Device& device = device_of(args.device.state);
  const DeviceProcs& vk = *device.procs;
  if (!device.physical_device.emulation.fence_sync_fd) {
    if (vk.vkGetFenceFdKHR == nullptr) return stream.missing(args.kType);
    // Exporting a sync_fd resets the fence; nobody wants the fd, the guest has made its own.
    const VkFenceGetFdInfoKHR info{.sType = VK_STRUCTURE_TYPE_FENCE_GET_FD_INFO_KHR,
                                   .pNext = nullptr,
                                   .fence = args.fence.handle,
                                   .handleType = VK_EXTERNAL_FENCE_HANDLE_TYPE_SYNC_FD_BIT};
    int raw = -1;
    if (vk.vkGetFenceFdKHR(device.handle, &info, &raw) != VK_SUCCESS) {
      return stream.refuse(args.kType, "The host driver does not export the fence.");
    }
    const UniqueFd fd(raw);
    return;
  }
  // The fence may still be pending, when vkResetFences is not allowed: an unsignalled one takes its place, and the old
  // one waits for its end among the parked.
  const VkFenceCreateInfo info{.sType = VK_STRUCTURE_TYPE_FENCE_CREATE_INFO, .pNext = nullptr, .flags = 0};
  VkFence fresh = VK_NULL_HANDLE;
  if (vk.vkCreateFence(device.handle, &info, nullptr, &fresh) != VK_SUCCESS) {
    return stream.refuse(args.kType, "The host driver does not create a fence.");
  }
  stream.context().objects().replace_handle(args.fence.id, std::bit_cast<std::uint64_t>(fresh));
  const std::scoped_lock lock(device.sync_mutex);
  std::erase_if(device.parked_fences, [&](VkFence parked) {
    if (vk.vkGetFenceStatus(device.handle, parked) == VK_NOT_READY) return false;
    vk.vkDestroyFence(device.handle, parked, nullptr);
    return true;
  });
  device.parked_fences.push_back(args.fence.handle);
}

void on_vkCreateSemaphore(CommandStream& stream, wire::vkCreateSemaphore_args& args) {
  const wire::ObjectId id = *args.pSemaphore_ids;
  if (!stream.reserve(VK_OBJECT_TYPE_SEMAPHORE, id)) return;
  Device& device = device_of(args.device.state);
  const bool emulated = device.physical_device.emulation.semaphore_sync_fd;
  if (emulated) unchain(*args.pCreateInfo, VK_STRUCTURE_TYPE_EXPORT_SEMAPHORE_CREATE_INFO);
  args.ret = device.procs->vkCreateSemaphore(device.handle, args.pCreateInfo, nullptr, args.pSemaphore);
  const auto* type =
      find_in_chain<VkSemaphoreTypeCreateInfo>(args.pCreateInfo->pNext, VK_STRUCTURE_TYPE_SEMAPHORE_TYPE_CREATE_INFO);
  if (args.ret == VK_SUCCESS && emulated && (type == nullptr || type->semaphoreType == VK_SEMAPHORE_TYPE_BINARY)) {
    const std::scoped_lock lock(device.sync_mutex);
    device.emulated_semaphores.try_emplace(*args.pSemaphore);
  }
  register_created(stream, args, VK_OBJECT_TYPE_SEMAPHORE, id, *args.pSemaphore);
}

void on_vkDestroySemaphore(CommandStream& stream, wire::vkDestroySemaphore_args& args) {
  if (args.semaphore.id == 0 || !stream.destroyed(args.kType, args.semaphore)) return;
  if (!stream.tombstone()) {
    Device& device = device_of(args.device.state);
    {
      const std::scoped_lock lock(device.sync_mutex);
      const auto node = device.emulated_semaphores.extract(args.semaphore.handle);
      if (node && node.mapped().imported) --device.imported_semaphores;
    }
    device.procs->vkDestroySemaphore(device.handle, args.semaphore.handle, nullptr);
  }
}

void on_vkImportSemaphoreResourceMESA(CommandStream& stream, wire::vkImportSemaphoreResourceMESA_args& args) {
  if (stream.tombstone()) return;
  if (args.pImportSemaphoreResourceInfo->resourceId != 0) {
    return stream.refuse(args.kType, "Only resource 0, an already signalled payload, can be imported.");
  }
  Device& device = device_of(args.device.state);
  const VkSemaphore semaphore = args.pImportSemaphoreResourceInfo->semaphore;
  if (!device.physical_device.emulation.semaphore_sync_fd) {
    if (device.procs->vkImportSemaphoreFdKHR == nullptr) return stream.missing(args.kType);
    const VkImportSemaphoreFdInfoKHR info{.sType = VK_STRUCTURE_TYPE_IMPORT_SEMAPHORE_FD_INFO_KHR,
                                          .pNext = nullptr,
                                          .semaphore = semaphore,
                                          .flags = VK_SEMAPHORE_IMPORT_TEMPORARY_BIT,
                                          .handleType = VK_EXTERNAL_SEMAPHORE_HANDLE_TYPE_SYNC_FD_BIT,
                                          .fd = -1};
    if (device.procs->vkImportSemaphoreFdKHR(device.handle, &info) != VK_SUCCESS) {
      stream.refuse(args.kType, "The host driver does not import a signalled payload.");
    }
    return;
  }
  const std::scoped_lock lock(device.sync_mutex);
  const auto it = device.emulated_semaphores.find(semaphore);
  if (it == device.emulated_semaphores.end()) {
    return stream.refuse(args.kType, "The semaphore is not a binary semaphore of this device.");
  }
  if (!std::exchange(it->second.imported, true)) ++device.imported_semaphores;
}

void on_vkWaitSemaphoreResourceMESA(CommandStream& stream, wire::vkWaitSemaphoreResourceMESA_args& args) {
  if (stream.tombstone()) return;
  Device& device = device_of(args.device.state);
  const DeviceProcs& vk = *device.procs;
  if (!device.physical_device.emulation.semaphore_sync_fd) {
    if (vk.vkGetSemaphoreFdKHR == nullptr) return stream.missing(args.kType);
    const VkSemaphoreGetFdInfoKHR info{.sType = VK_STRUCTURE_TYPE_SEMAPHORE_GET_FD_INFO_KHR,
                                       .pNext = nullptr,
                                       .semaphore = args.semaphore.handle,
                                       .handleType = VK_EXTERNAL_SEMAPHORE_HANDLE_TYPE_SYNC_FD_BIT};
    int raw = -1;
    if (vk.vkGetSemaphoreFdKHR(device.handle, &info, &raw) != VK_SUCCESS) {
      return stream.refuse(args.kType, "The host driver does not export the semaphore.");
    }
    const UniqueFd fd(raw);
    return;
  }
  Queue* queue = nullptr;
  {
    const std::scoped_lock lock(device.sync_mutex);
    const auto it = device.emulated_semaphores.find(args.semaphore.handle);
    if (it == device.emulated_semaphores.end()) {
      return stream.refuse(args.kType, "The semaphore is not a binary semaphore of this device.");
    }
    if (std::exchange(it->second.imported, false)) {
      --device.imported_semaphores;
      return;
    }
    queue = it->second.last_signal;
  }
  if (queue == nullptr) return stream.refuse(args.kType, "The semaphore has no pending signal to consume.");
  // The guest's own fence tells when the signal came; only the consumption is left. An empty batch does it in order.
  const VkPipelineStageFlags stage = VK_PIPELINE_STAGE_ALL_COMMANDS_BIT;
  const VkSubmitInfo submit{.sType = VK_STRUCTURE_TYPE_SUBMIT_INFO,
                            .pNext = nullptr,
                            .waitSemaphoreCount = 1,
                            .pWaitSemaphores = &args.semaphore.handle,
                            .pWaitDstStageMask = &stage,
                            .commandBufferCount = 0,
                            .pCommandBuffers = nullptr,
                            .signalSemaphoreCount = 0,
                            .pSignalSemaphores = nullptr};
  const std::scoped_lock lock(queue->mutex);
  ++queue->submissions;
  if (vk.vkQueueSubmit(queue->handle, 1, &submit, VK_NULL_HANDLE) != VK_SUCCESS) {
    stream.refuse(args.kType, "The host driver does not consume the semaphore's signal.");
  }
}

}  // namespace hesper::render
