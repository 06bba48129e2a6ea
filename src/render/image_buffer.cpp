// Images and buffers: creation, where the external memory that the client announces is not the host's.
#include "render/chain.h"
#include "render/client_context.h"
#include "render/handlers_gen.h"
#include "render/stream.h"

namespace hesper::render {
namespace {

Device& device_of(const void* state) noexcept { return *static_cast<const DeviceChild*>(state)->device; }

// Guests say DMA_BUF; with strategy hostptr no dma-buf is ever bound, and the driver may not know the type at all.
void drop_external(const Device& device, const VkImageCreateInfo& info) {
  if (device.physical_device.memory.strategy == MemoryStrategy::dmabuf) return;
  unchain(info, VK_STRUCTURE_TYPE_EXTERNAL_MEMORY_IMAGE_CREATE_INFO);
}
void drop_external(const Device& device, const VkBufferCreateInfo& info) {
  if (device.physical_device.memory.strategy == MemoryStrategy::dmabuf) return;
  unchain(info, VK_STRUCTURE_TYPE_EXTERNAL_MEMORY_BUFFER_CREATE_INFO);
}

template <class Args, class Handle, class Host>
void create(CommandStream& stream, Args& args, VkObjectType type, Handle* handle, wire::ObjectId id, Host&& host) {
  if (!stream.reserve(type, id)) return;
  Device& device = device_of(args.device.state);
  drop_external(device, *args.pCreateInfo);
  args.ret = stream.tombstone() ? VK_ERROR_OUT_OF_DEVICE_MEMORY : host(*device.procs);
  if (args.ret == VK_SUCCESS) {
    stream.created(args.device.state, type, id, std::bit_cast<std::uint64_t>(*handle));
  } else {
    stream.failed(args.device.state, type, id);
  }
}

}  // namespace

void on_vkCreateBuffer(CommandStream& stream, wire::vkCreateBuffer_args& args) {
  create(stream, args, VK_OBJECT_TYPE_BUFFER, args.pBuffer, *args.pBuffer_ids, [&](const DeviceProcs& vk) {
    return vk.vkCreateBuffer(args.device.handle, args.pCreateInfo, nullptr, args.pBuffer);
  });
}

void on_vkCreateImage(CommandStream& stream, wire::vkCreateImage_args& args) {
  create(stream, args, VK_OBJECT_TYPE_IMAGE, args.pImage, *args.pImage_ids, [&](const DeviceProcs& vk) {
    return vk.vkCreateImage(args.device.handle, args.pCreateInfo, nullptr, args.pImage);
  });
}

void on_vkGetDeviceImageMemoryRequirements(CommandStream& stream, wire::vkGetDeviceImageMemoryRequirements_args& args) {
  Device& device = device_of(args.device.state);
  if (device.procs->vkGetDeviceImageMemoryRequirements == nullptr) return stream.missing(args.kType);
  drop_external(device, *args.pInfo->pCreateInfo);
  device.procs->vkGetDeviceImageMemoryRequirements(device.handle, args.pInfo, args.pMemoryRequirements);
}

void on_vkGetDeviceBufferMemoryRequirements(CommandStream& stream,
                                            wire::vkGetDeviceBufferMemoryRequirements_args& args) {
  Device& device = device_of(args.device.state);
  if (device.procs->vkGetDeviceBufferMemoryRequirements == nullptr) return stream.missing(args.kType);
  drop_external(device, *args.pInfo->pCreateInfo);
  device.procs->vkGetDeviceBufferMemoryRequirements(device.handle, args.pInfo, args.pMemoryRequirements);
}

}  // namespace hesper::render
