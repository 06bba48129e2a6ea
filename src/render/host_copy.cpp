// Host image copies: the protocol carries one region at a time, with its bytes in the stream or the reply.
#include "render/client_context.h"
#include "render/handlers_gen.h"
#include "render/stream.h"

namespace hesper::render {

void on_vkCopyImageToMemoryMESA(CommandStream& stream, wire::vkCopyImageToMemoryMESA_args& args) {
  const DeviceProcs& vk = device_procs(args.device.state);
  if (vk.vkCopyImageToMemory == nullptr) return stream.missing(args.kType);
  if (stream.tombstone()) {
    args.ret = VK_ERROR_OUT_OF_DEVICE_MEMORY;
    return;
  }
  const wire::VkCopyImageToMemoryInfoMESA& from = *args.pCopyImageToMemoryInfo;
  const VkImageToMemoryCopy region{.sType = VK_STRUCTURE_TYPE_IMAGE_TO_MEMORY_COPY,
                                   .pNext = nullptr,
                                   .pHostPointer = args.pData,
                                   .memoryRowLength = from.memoryRowLength,
                                   .memoryImageHeight = from.memoryImageHeight,
                                   .imageSubresource = from.imageSubresource,
                                   .imageOffset = from.imageOffset,
                                   .imageExtent = from.imageExtent};
  const VkCopyImageToMemoryInfo info{.sType = VK_STRUCTURE_TYPE_COPY_IMAGE_TO_MEMORY_INFO,
                                     .pNext = nullptr,
                                     .flags = from.flags,
                                     .srcImage = from.srcImage,
                                     .srcImageLayout = from.srcImageLayout,
                                     .regionCount = 1,
                                     .pRegions = &region};
  args.ret = vk.vkCopyImageToMemory(args.device.handle, &info);
}

void on_vkCopyMemoryToImageMESA(CommandStream& stream, wire::vkCopyMemoryToImageMESA_args& args) {
  const DeviceProcs& vk = device_procs(args.device.state);
  if (vk.vkCopyMemoryToImage == nullptr) return stream.missing(args.kType);
  args.ret = VK_SUCCESS;
  if (stream.tombstone()) {
    args.ret = VK_ERROR_OUT_OF_DEVICE_MEMORY;
    return;
  }
  const wire::VkCopyMemoryToImageInfoMESA& from = *args.pCopyMemoryToImageInfo;
  for (std::uint32_t i = 0; i < from.regionCount && args.ret == VK_SUCCESS; ++i) {
    const wire::VkMemoryToImageCopyMESA& piece = from.pRegions[i];
    const VkMemoryToImageCopy region{.sType = VK_STRUCTURE_TYPE_MEMORY_TO_IMAGE_COPY,
                                     .pNext = nullptr,
                                     .pHostPointer = piece.pData,
                                     .memoryRowLength = piece.memoryRowLength,
                                     .memoryImageHeight = piece.memoryImageHeight,
                                     .imageSubresource = piece.imageSubresource,
                                     .imageOffset = piece.imageOffset,
                                     .imageExtent = piece.imageExtent};
    const VkCopyMemoryToImageInfo info{.sType = VK_STRUCTURE_TYPE_COPY_MEMORY_TO_IMAGE_INFO,
                                       .pNext = nullptr,
                                       .flags = from.flags,
                                       .dstImage = from.dstImage,
                                       .dstImageLayout = from.dstImageLayout,
                                       .regionCount = 1,
                                       .pRegions = &region};
    args.ret = vk.vkCopyMemoryToImage(args.device.handle, &info);
  }
}

}  // namespace hesper::render
