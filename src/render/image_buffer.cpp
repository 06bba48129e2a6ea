// Images and buffers: creation and layout, where the external memory and the modifiers that the client sees are not
// the host's.
#include <bit>

#include "render/chain.h"
#include "render/client_context.h"
#include "render/handlers_gen.h"
#include "render/imported_pages.h"
#include "render/linear_dma_buf.h"
#include "render/stream.h"

namespace hesper::render {
namespace {

// Guests say DMA_BUF; with strategy hostptr no dma-buf is ever bound, and the driver may not know the type at all.
void drop_external(const Device& device, const VkImageCreateInfo& info) {
  if (device.physical_device.memory.strategy == MemoryStrategy::dmabuf) return;
  unchain(info, VK_STRUCTURE_TYPE_EXTERNAL_MEMORY_IMAGE_CREATE_INFO);
}
void drop_external(const Device& device, const VkBufferCreateInfo& info) {
  if (device.physical_device.memory.strategy == MemoryStrategy::dmabuf) return;
  unchain(info, VK_STRUCTURE_TYPE_EXTERNAL_MEMORY_BUFFER_CREATE_INFO);
}

// Memory that a linear stand-in can be bound to is memory whose pages are shared.
void keep_shared_types(const Device& device, VkMemoryRequirements& requirements) {
  requirements.memoryTypeBits &= device.physical_device.memory.mappable_types;
}

// The only plane of a linear stand-in is the image's only aspect.
VkImageAspectFlags host_aspect(VkImageAspectFlags aspect) {
  return aspect == VK_IMAGE_ASPECT_MEMORY_PLANE_0_BIT_EXT ? VkImageAspectFlags{VK_IMAGE_ASPECT_COLOR_BIT} : aspect;
}

// Create infos for the host, made of the client's. `external` may hang in the chain of `info`.
struct BufferForHost {
  VkBufferCreateInfo info;
  VkExternalMemoryBufferCreateInfo external;
};
struct ImageForHost {
  VkImageCreateInfo info;
  VkExternalMemoryImageCreateInfo external;
  LinearImage linear;
};

void translate(const Device& device, const VkBufferCreateInfo& info, BufferForHost& host) {
  host.info = info;
  drop_external(device, host.info);
  name_imports(device.physical_device, host.info, host.external);
}

// Error: what the client asks for does not exist.
VkResult translate(const Device& device, const VkImageCreateInfo& info, ImageForHost& host) {
  host.info = info;
  drop_external(device, host.info);
  if (device.physical_device.emulation.dma_buf) {
    const VkResult result = to_linear_image(host.info, host.linear);
    if (result != VK_SUCCESS) return result;
  }
  name_imports(device.physical_device, host.info, host.external);
  return VK_SUCCESS;
}

VkResult create_image(Device& device, const VkImageCreateInfo& wanted, VkImage& image) {
  ImageForHost host;
  VkResult result = translate(device, wanted, host);
  if (result != VK_SUCCESS) return result;
  const LinearImage& linear = host.linear;
  result = device.procs->vkCreateImage(device.handle, &host.info, nullptr, &image);
  if (result != VK_SUCCESS) return result;
  if ((host.info.usage & VK_IMAGE_USAGE_HOST_TRANSFER_BIT) != 0) {
    const std::scoped_lock lock(device.sizes_mutex);
    device.host_images.insert_or_assign(image, HostImage{.format = host.info.format,
                                                         .extent = host.info.extent,
                                                         .mip_levels = host.info.mipLevels,
                                                         .array_layers = host.info.arrayLayers});
  }
  if (!linear.wanted) return result;
  if (linear.explicit_layout) {
    // The host chooses a linear image's pitch; the client's must be the same or the pixels would lie elsewhere.
    const VkImageSubresource subresource{.aspectMask = VK_IMAGE_ASPECT_COLOR_BIT, .mipLevel = 0, .arrayLayer = 0};
    VkSubresourceLayout layout{};
    device.procs->vkGetImageSubresourceLayout(device.handle, image, &subresource, &layout);
    if (layout.offset != linear.layout.offset || layout.rowPitch != linear.layout.rowPitch) {
      device.procs->vkDestroyImage(device.handle, image, nullptr);
      image = VK_NULL_HANDLE;
      return VK_ERROR_INVALID_DRM_FORMAT_MODIFIER_PLANE_LAYOUT_EXT;
    }
  }
  const std::scoped_lock lock(device.images_mutex);
  device.linear_images.insert(image);
  return VK_SUCCESS;
}

template <class Args, class Handle, class Host>
void create(CommandStream& stream, Args& args, VkObjectType type, Handle& handle, wire::ObjectId id, Host&& host) {
  if (!stream.reserve(type, id)) return;
  Device& device = device_of(args.device.state);
  args.ret = stream.tombstone() ? VK_ERROR_OUT_OF_DEVICE_MEMORY : host(device);
  if (args.ret == VK_SUCCESS) {
    stream.created(args.device.state, type, id, std::bit_cast<std::uint64_t>(handle));
  } else {
    stream.failed(args.device.state, type, id);
  }
}

}  // namespace

// ---- Buffers ----

void on_vkCreateBuffer(CommandStream& stream, wire::vkCreateBuffer_args& args) {
  create(stream, args, VK_OBJECT_TYPE_BUFFER, *args.pBuffer, *args.pBuffer_ids, [&](const Device& device) {
    BufferForHost host;
    translate(device, *args.pCreateInfo, host);
    return device.procs->vkCreateBuffer(device.handle, &host.info, nullptr, args.pBuffer);
  });
}

void on_vkGetDeviceBufferMemoryRequirements(CommandStream& stream,
                                            wire::vkGetDeviceBufferMemoryRequirements_args& args) {
  Device& device = device_of(args.device.state);
  if (device.procs->vkGetDeviceBufferMemoryRequirements == nullptr) return stream.missing(args.kType);
  BufferForHost host;
  translate(device, *args.pInfo->pCreateInfo, host);
  VkDeviceBufferMemoryRequirements info = *args.pInfo;
  info.pCreateInfo = &host.info;
  device.procs->vkGetDeviceBufferMemoryRequirements(device.handle, &info, args.pMemoryRequirements);
}

// ---- Images ----

void on_vkCreateImage(CommandStream& stream, wire::vkCreateImage_args& args) {
  create(stream, args, VK_OBJECT_TYPE_IMAGE, *args.pImage, *args.pImage_ids,
         [&](Device& device) { return create_image(device, *args.pCreateInfo, *args.pImage); });
}

void on_vkDestroyImage(CommandStream& stream, wire::vkDestroyImage_args& args) {
  if (args.image.id == 0 || !stream.destroyed(args.kType, args.image)) return;
  if (!stream.tombstone()) {
    Device& device = device_of(args.device.state);
    {
      const std::scoped_lock lock(device.sizes_mutex);
      if (!device.host_images.empty()) device.host_images.erase(args.image.handle);
    }
    if (device.physical_device.emulation.dma_buf) {
      const std::scoped_lock lock(device.images_mutex);
      device.linear_images.erase(args.image.handle);
    }
    device.procs->vkDestroyImage(device.handle, args.image.handle, nullptr);
  }
}

void on_vkGetImageMemoryRequirements(CommandStream& stream, wire::vkGetImageMemoryRequirements_args& args) {
  if (stream.tombstone()) return;
  Device& device = device_of(args.device.state);
  device.procs->vkGetImageMemoryRequirements(device.handle, args.image.handle, args.pMemoryRequirements);
  if (is_linear_image(device, args.image.handle)) keep_shared_types(device, *args.pMemoryRequirements);
}

void on_vkGetImageMemoryRequirements2(CommandStream& stream, wire::vkGetImageMemoryRequirements2_args& args) {
  if (stream.tombstone()) return;
  Device& device = device_of(args.device.state);
  device.procs->vkGetImageMemoryRequirements2(device.handle, args.pInfo, args.pMemoryRequirements);
  if (is_linear_image(device, args.pInfo->image)) {
    keep_shared_types(device, args.pMemoryRequirements->memoryRequirements);
  }
}

void on_vkGetDeviceImageMemoryRequirements(CommandStream& stream, wire::vkGetDeviceImageMemoryRequirements_args& args) {
  Device& device = device_of(args.device.state);
  if (device.procs->vkGetDeviceImageMemoryRequirements == nullptr) return stream.missing(args.kType);
  ImageForHost host;
  if (translate(device, *args.pInfo->pCreateInfo, host) != VK_SUCCESS) {
    return;  // such an image cannot be created; the answer stays empty
  }
  VkDeviceImageMemoryRequirements info = *args.pInfo;
  info.pCreateInfo = &host.info;
  if (host.linear.wanted) info.planeAspect = VK_IMAGE_ASPECT_COLOR_BIT;
  device.procs->vkGetDeviceImageMemoryRequirements(device.handle, &info, args.pMemoryRequirements);
  if (host.linear.wanted) keep_shared_types(device, args.pMemoryRequirements->memoryRequirements);
}

// ---- Layouts ----

void on_vkGetImageSubresourceLayout(CommandStream& stream, wire::vkGetImageSubresourceLayout_args& args) {
  if (stream.tombstone()) return;
  Device& device = device_of(args.device.state);
  VkImageSubresource subresource = *args.pSubresource;
  if (is_linear_image(device, args.image.handle)) subresource.aspectMask = host_aspect(subresource.aspectMask);
  device.procs->vkGetImageSubresourceLayout(device.handle, args.image.handle, &subresource, args.pLayout);
}

void on_vkGetImageSubresourceLayout2(CommandStream& stream, wire::vkGetImageSubresourceLayout2_args& args) {
  if (stream.tombstone()) return;
  Device& device = device_of(args.device.state);
  if (device.procs->vkGetImageSubresourceLayout2 == nullptr) return stream.missing(args.kType);
  VkImageSubresource2 subresource = *args.pSubresource;
  if (is_linear_image(device, args.image.handle)) {
    subresource.imageSubresource.aspectMask = host_aspect(subresource.imageSubresource.aspectMask);
  }
  device.procs->vkGetImageSubresourceLayout2(device.handle, args.image.handle, &subresource, args.pLayout);
}

void on_vkGetDeviceImageSubresourceLayout(CommandStream& stream, wire::vkGetDeviceImageSubresourceLayout_args& args) {
  Device& device = device_of(args.device.state);
  if (device.procs->vkGetDeviceImageSubresourceLayout == nullptr) return stream.missing(args.kType);
  ImageForHost host;
  if (translate(device, *args.pInfo->pCreateInfo, host) != VK_SUCCESS) return;
  VkImageSubresource2 subresource = *args.pInfo->pSubresource;
  if (host.linear.wanted) {
    subresource.imageSubresource.aspectMask = host_aspect(subresource.imageSubresource.aspectMask);
  }
  VkDeviceImageSubresourceInfo info = *args.pInfo;
  info.pCreateInfo = &host.info;
  info.pSubresource = &subresource;
  device.procs->vkGetDeviceImageSubresourceLayout(device.handle, &info, args.pLayout);
}

void on_vkGetImageDrmFormatModifierPropertiesEXT(CommandStream& stream,
                                                 wire::vkGetImageDrmFormatModifierPropertiesEXT_args& args) {
  args.ret = VK_SUCCESS;
  if (stream.tombstone()) {
    args.ret = VK_ERROR_OUT_OF_DEVICE_MEMORY;
    return;
  }
  Device& device = device_of(args.device.state);
  if (is_linear_image(device, args.image.handle)) {
    args.pProperties->drmFormatModifier = 0;  // DRM_FORMAT_MOD_LINEAR
    return;
  }
  if (device.procs->vkGetImageDrmFormatModifierPropertiesEXT == nullptr) return stream.missing(args.kType);
  args.ret = device.procs->vkGetImageDrmFormatModifierPropertiesEXT(device.handle, args.image.handle, args.pProperties);
}

}  // namespace hesper::render
