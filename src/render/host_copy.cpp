// Host image copies: the protocol carries one region at a time, with its bytes in the stream or the reply.
//
// Drivers know how many bytes a region takes and do not ask how many there are, so that is worked out here.
#include <algorithm>
#include <optional>

#include "render/client_context.h"
#include "render/handlers_gen.h"
#include "render/stream.h"
#include "wire/formats.h"

namespace hesper::render {
namespace {

struct Region {
  VkHostImageCopyFlags flags;
  std::uint32_t row_length;
  std::uint32_t image_height;
  VkImageSubresourceLayers layers;
  VkOffset3D offset;
  VkExtent3D extent;
};

std::uint64_t divide_up(std::uint64_t value, std::uint64_t by) noexcept { return (value + (by - 1)) / by; }

bool inside(std::int32_t offset, std::uint32_t extent, std::uint32_t size) noexcept {
  return offset >= 0 && static_cast<std::uint32_t>(offset) <= size &&
         extent <= size - static_cast<std::uint32_t>(offset);
}

std::optional<HostImage> find_image(Device& device, VkImage image) {
  const std::scoped_lock lock(device.sizes_mutex);
  const auto it = device.host_images.find(image);
  return it == device.host_images.end() ? std::nullopt : std::optional(it->second);
}

// Bytes of one array layer as the driver keeps them, for VK_HOST_IMAGE_COPY_MEMCPY.
std::uint64_t layer_size(const Device& device, VkImage image, const Region& region, std::uint32_t layer) {
  VkSubresourceHostMemcpySize size{.sType = VK_STRUCTURE_TYPE_SUBRESOURCE_HOST_MEMCPY_SIZE};
  VkSubresourceLayout2 layout{.sType = VK_STRUCTURE_TYPE_SUBRESOURCE_LAYOUT_2, .pNext = &size};
  const VkImageSubresource2 subresource{
      .sType = VK_STRUCTURE_TYPE_IMAGE_SUBRESOURCE_2,
      .pNext = nullptr,
      .imageSubresource = {
          .aspectMask = region.layers.aspectMask, .mipLevel = region.layers.mipLevel, .arrayLayer = layer}};
  device.procs->vkGetImageSubresourceLayout2(device.handle, image, &subresource, &layout);
  return size.size;
}

// Bytes from the first to the last that the driver touches. Nothing: the region is not inside the image.
std::optional<std::uint64_t> bytes_of(Device& device, VkImage image, const Region& region) {
  const auto known = find_image(device, image);
  if (!known) return std::nullopt;
  const VkImageSubresourceLayers& layers = region.layers;
  if (layers.mipLevel >= known->mip_levels || layers.baseArrayLayer >= known->array_layers) return std::nullopt;
  const std::uint32_t rest = known->array_layers - layers.baseArrayLayer;
  const std::uint32_t layer_count = layers.layerCount == VK_REMAINING_ARRAY_LAYERS ? rest : layers.layerCount;
  if (layer_count == 0 || layer_count > rest) return std::nullopt;

  if ((region.flags & VK_HOST_IMAGE_COPY_MEMCPY_EXT) != 0) {
    if (device.procs->vkGetImageSubresourceLayout2 == nullptr) return std::nullopt;
    std::uint64_t sum = 0;
    for (std::uint32_t i = 0; i < layer_count; ++i) sum += layer_size(device, image, region, layers.baseArrayLayer + i);
    return sum;
  }

  const auto plane = wire::format_aspect(known->format, layers.aspectMask);
  if (!plane) return std::nullopt;
  const auto at_level = [&](std::uint32_t size) { return std::max(size >> layers.mipLevel, 1u); };
  const auto width = static_cast<std::uint32_t>(divide_up(at_level(known->extent.width), plane->width_divisor));
  const auto height = static_cast<std::uint32_t>(divide_up(at_level(known->extent.height), plane->height_divisor));
  const VkExtent3D& extent = region.extent;
  if (!inside(region.offset.x, extent.width, width) || !inside(region.offset.y, extent.height, height) ||
      !inside(region.offset.z, extent.depth, at_level(known->extent.depth))) {
    return std::nullopt;
  }
  if (extent.width == 0 || extent.height == 0 || extent.depth == 0) return std::nullopt;
  const std::uint32_t row = region.row_length != 0 ? region.row_length : extent.width;
  const std::uint32_t rows = region.image_height != 0 ? region.image_height : extent.height;
  // Far more than an image can have, so that nothing below overflows: 2^20 x 2^20 x 2^18 x 32 bytes.
  constexpr std::uint32_t kMost = 1u << 20;
  const std::uint64_t images = std::uint64_t{extent.depth} * layer_count;
  if (row < extent.width || rows < extent.height || row > kMost || rows > kMost || images > kMost / 4) {
    return std::nullopt;
  }
  const std::uint64_t row_blocks = divide_up(row, plane->block_width);
  const std::uint64_t image_blocks = row_blocks * divide_up(rows, plane->block_height);
  const std::uint64_t last =
      (divide_up(extent.height, plane->block_height) - 1) * row_blocks + divide_up(extent.width, plane->block_width);
  return ((images - 1) * image_blocks + last) * plane->block_size;
}

bool fits(CommandStream& stream, wire::CommandType type, Device& device, VkImage image, const Region& region,
          std::uint64_t size) {
  const auto needed = bytes_of(device, image, region);
  if (needed && *needed <= size) return true;
  stream.refuse(type, "The region does not fit into the image, or the data is smaller than the region.");
  return false;
}

}  // namespace

void on_vkCopyImageToMemoryMESA(CommandStream& stream, wire::vkCopyImageToMemoryMESA_args& args) {
  const DeviceProcs& vk = device_procs(args.device.state);
  if (vk.vkCopyImageToMemory == nullptr) return stream.missing(args.kType);
  if (stream.tombstone()) {
    args.ret = VK_ERROR_OUT_OF_DEVICE_MEMORY;
    return;
  }
  const wire::VkCopyImageToMemoryInfoMESA& from = *args.pCopyImageToMemoryInfo;
  const Region checked{.flags = from.flags,
                       .row_length = from.memoryRowLength,
                       .image_height = from.memoryImageHeight,
                       .layers = from.imageSubresource,
                       .offset = from.imageOffset,
                       .extent = from.imageExtent};
  if (!fits(stream, args.kType, device_of(args.device.state), from.srcImage, checked, args.dataSize)) return;
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
    const Region checked{.flags = from.flags,
                         .row_length = piece.memoryRowLength,
                         .image_height = piece.memoryImageHeight,
                         .layers = piece.imageSubresource,
                         .offset = piece.imageOffset,
                         .extent = piece.imageExtent};
    if (!fits(stream, args.kType, device_of(args.device.state), from.dstImage, checked, piece.dataSize)) return;
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
