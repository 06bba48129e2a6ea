// Binding memory to buffers and images. Memory that imports a range of the door's begins a little before what the
// client may use, as drivers import in steps: here offsets are moved by that bias, and nothing is bound outside of what
// the client has allocated. All other memory is bound as the client says. How it is imported: memory.cpp.
#include <optional>
#include <vector>

#include "base/log.h"
#include "render/chain.h"
#include "render/client_context.h"
#include "render/handlers_gen.h"
#include "render/stream.h"

namespace hesper::render {
namespace {

// Nothing: the memory does not import a range.
std::optional<ImportedRange> range_of(Device& device, VkDeviceMemory memory) {
  const std::scoped_lock lock(device.ranges_mutex);
  const auto it = device.imported_ranges.find(memory);
  return it == device.imported_ranges.end() ? std::nullopt : std::optional(it->second);
}

bool has_ranges(Device& device) {
  const std::scoped_lock lock(device.ranges_mutex);
  return !device.imported_ranges.empty();
}

bool inside(const ImportedRange& range, VkDeviceSize offset, VkDeviceSize size) noexcept {
  return offset <= range.size && size <= range.size - offset;
}

// An innocent client may see this on a host that imports in steps larger than the client's pages, so it is told.
void tell_misaligned(const ImportedRange& range, VkDeviceSize alignment) {
  log::warn(
      "Something that needs memory aligned to {} bytes cannot be bound: its memory lies {} bytes after a multiple of "
      "what this host imports. Clients with pages of that size do not have this problem.",
      alignment, range.bias);
}

// Where the driver is to bind something with such requirements. Nothing: it cannot be bound there.
std::optional<VkDeviceSize> place(const ImportedRange& range, const VkMemoryRequirements& needed, VkDeviceSize offset) {
  if (!inside(range, offset, needed.size)) {
    log::debug("{} bytes are bound at {} of {} bytes of memory.", needed.size, offset, range.size);
    return std::nullopt;
  }
  if (needed.alignment != 0 && range.bias % needed.alignment != 0) {
    tell_misaligned(range, needed.alignment);
    return std::nullopt;
  }
  return offset + range.bias;
}

VkMemoryRequirements needed_by(const Device& device, const VkBindBufferMemoryInfo& bind) {
  VkMemoryRequirements needed{};
  device.procs->vkGetBufferMemoryRequirements(device.handle, bind.buffer, &needed);
  return needed;
}

VkMemoryRequirements needed_by(const Device& device, const VkBindImageMemoryInfo& bind) {
  const auto* plane =
      find_in_chain<VkBindImagePlaneMemoryInfo>(bind.pNext, VK_STRUCTURE_TYPE_BIND_IMAGE_PLANE_MEMORY_INFO);
  VkMemoryRequirements2 needed{.sType = VK_STRUCTURE_TYPE_MEMORY_REQUIREMENTS_2};
  if (plane == nullptr) {
    device.procs->vkGetImageMemoryRequirements(device.handle, bind.image, &needed.memoryRequirements);
  } else {
    const VkImagePlaneMemoryRequirementsInfo which{.sType = VK_STRUCTURE_TYPE_IMAGE_PLANE_MEMORY_REQUIREMENTS_INFO,
                                                   .planeAspect = plane->planeAspect};
    const VkImageMemoryRequirementsInfo2 info{
        .sType = VK_STRUCTURE_TYPE_IMAGE_MEMORY_REQUIREMENTS_INFO_2, .pNext = &which, .image = bind.image};
    device.procs->vkGetImageMemoryRequirements2(device.handle, &info, &needed);
  }
  return needed.memoryRequirements;
}

// Moves the offset of a bind to an imported range. False: it cannot be bound there.
template <class Bind>
bool move(Device& device, Bind& bind) {
  const auto range = range_of(device, bind.memory);
  if (!range) return true;
  const auto offset = place(*range, needed_by(device, bind), bind.memoryOffset);
  if (offset) bind.memoryOffset = *offset;
  return offset.has_value();
}

// All or nothing. SAFETY: the array lies in the decoder's own memory, which is not const.
template <class Bind>
bool move_all(Device& device, const Bind* binds, std::uint32_t count) {
  if (!has_ranges(device)) return true;
  bool all = true;
  for (std::uint32_t i = 0; i < count; ++i) all = move(device, const_cast<Bind&>(binds[i])) && all;
  return all;
}

// ---- Sparse binds: the range is in the bind itself ----

bool move(Device& device, VkSparseMemoryBind& bind) {
  const auto range = range_of(device, bind.memory);
  if (!range) return true;
  if (!inside(*range, bind.memoryOffset, bind.size)) return false;
  bind.memoryOffset += range->bias;
  return true;
}

// How many bytes of blocks an extent takes. Nothing: the image has no such blocks, or there are more than `most` bytes.
std::optional<VkDeviceSize> bytes_of_blocks(const Device& device, VkImage image, const VkSparseImageMemoryBind& bind,
                                            VkDeviceSize most) {
  std::uint32_t count = 0;
  device.procs->vkGetImageSparseMemoryRequirements(device.handle, image, &count, nullptr);
  std::vector<VkSparseImageMemoryRequirements> all(count);
  device.procs->vkGetImageSparseMemoryRequirements(device.handle, image, &count, all.data());
  VkMemoryRequirements needed{};
  device.procs->vkGetImageMemoryRequirements(device.handle, image, &needed);
  for (std::uint32_t i = 0; i < count; ++i) {
    if ((all[i].formatProperties.aspectMask & bind.subresource.aspectMask) == 0) continue;
    const VkExtent3D& block = all[i].formatProperties.imageGranularity;
    VkDeviceSize bytes = needed.alignment;  // of one block
    for (const auto& [extent, step] :
         {std::pair(bind.extent.width, block.width), std::pair(bind.extent.height, block.height),
          std::pair(bind.extent.depth, block.depth)}) {
      if (step == 0) return std::nullopt;
      const VkDeviceSize blocks = extent / step + (extent % step != 0 ? 1 : 0);
      if (blocks != 0 && bytes > most / blocks) return std::nullopt;
      bytes *= blocks;
    }
    return bytes;
  }
  return std::nullopt;
}

bool move(Device& device, VkImage image, VkSparseImageMemoryBind& bind) {
  const auto range = range_of(device, bind.memory);
  if (!range) return true;
  const auto size = bytes_of_blocks(device, image, bind, range->size);
  if (!size || !inside(*range, bind.memoryOffset, *size)) return false;
  bind.memoryOffset += range->bias;
  return true;
}

}  // namespace

bool move_sparse_binds(Device& device, const VkBindSparseInfo* infos, std::uint32_t count) {
  if (!has_ranges(device)) return true;
  // SAFETY of the const_casts: as above.
  for (std::uint32_t i = 0; i < count; ++i) {
    const VkBindSparseInfo& info = infos[i];
    for (std::uint32_t j = 0; j < info.bufferBindCount; ++j) {
      const VkSparseBufferMemoryBindInfo& binds = info.pBufferBinds[j];
      for (std::uint32_t k = 0; k < binds.bindCount; ++k) {
        if (!move(device, const_cast<VkSparseMemoryBind&>(binds.pBinds[k]))) return false;
      }
    }
    for (std::uint32_t j = 0; j < info.imageOpaqueBindCount; ++j) {
      const VkSparseImageOpaqueMemoryBindInfo& binds = info.pImageOpaqueBinds[j];
      for (std::uint32_t k = 0; k < binds.bindCount; ++k) {
        if (!move(device, const_cast<VkSparseMemoryBind&>(binds.pBinds[k]))) return false;
      }
    }
    for (std::uint32_t j = 0; j < info.imageBindCount; ++j) {
      const VkSparseImageMemoryBindInfo& binds = info.pImageBinds[j];
      for (std::uint32_t k = 0; k < binds.bindCount; ++k) {
        if (!move(device, binds.image, const_cast<VkSparseImageMemoryBind&>(binds.pBinds[k]))) return false;
      }
    }
  }
  return true;
}

void on_vkBindBufferMemory(CommandStream& stream, wire::vkBindBufferMemory_args& args) {
  args.ret = VK_ERROR_OUT_OF_DEVICE_MEMORY;
  if (stream.tombstone()) return;
  Device& device = device_of(args.device.state);
  VkBindBufferMemoryInfo bind{.sType = VK_STRUCTURE_TYPE_BIND_BUFFER_MEMORY_INFO,
                              .buffer = args.buffer.handle,
                              .memory = args.memory.handle,
                              .memoryOffset = args.memoryOffset};
  if (!move_all(device, &bind, 1)) return;
  args.ret = device.procs->vkBindBufferMemory(device.handle, bind.buffer, bind.memory, bind.memoryOffset);
}

void on_vkBindBufferMemory2(CommandStream& stream, wire::vkBindBufferMemory2_args& args) {
  args.ret = VK_ERROR_OUT_OF_DEVICE_MEMORY;
  if (stream.tombstone()) return;
  Device& device = device_of(args.device.state);
  if (device.procs->vkBindBufferMemory2 == nullptr) return stream.missing(args.kType);
  if (!move_all(device, args.pBindInfos, args.bindInfoCount)) return;
  args.ret = device.procs->vkBindBufferMemory2(device.handle, args.bindInfoCount, args.pBindInfos);
}

void on_vkBindImageMemory(CommandStream& stream, wire::vkBindImageMemory_args& args) {
  args.ret = VK_ERROR_OUT_OF_DEVICE_MEMORY;
  if (stream.tombstone()) return;
  Device& device = device_of(args.device.state);
  VkBindImageMemoryInfo bind{.sType = VK_STRUCTURE_TYPE_BIND_IMAGE_MEMORY_INFO,
                             .image = args.image.handle,
                             .memory = args.memory.handle,
                             .memoryOffset = args.memoryOffset};
  if (!move_all(device, &bind, 1)) return;
  args.ret = device.procs->vkBindImageMemory(device.handle, bind.image, bind.memory, bind.memoryOffset);
}

void on_vkBindImageMemory2(CommandStream& stream, wire::vkBindImageMemory2_args& args) {
  args.ret = VK_ERROR_OUT_OF_DEVICE_MEMORY;
  if (stream.tombstone()) return;
  Device& device = device_of(args.device.state);
  if (device.procs->vkBindImageMemory2 == nullptr) return stream.missing(args.kType);
  if (!move_all(device, args.pBindInfos, args.bindInfoCount)) return;
  args.ret = device.procs->vkBindImageMemory2(device.handle, args.bindInfoCount, args.pBindInfos);
}

}  // namespace hesper::render
