// Commands about 2D resources and their backing, and those that all resources have.
#include <fmt/format.h>

#include <array>

#include "gpu/device.h"

namespace hesper::gpu {

Answer<Response> Device::resource_create_2d(Call& call) {
  const auto command = call.as<virtio_gpu_resource_create_2d>();
  if (auto is_new = resources_.check_new(ResourceId{command.resource_id}); !is_new)
    return std::unexpected(std::move(is_new.error()));
  const FormatInfo* format = find_format(command.format);
  if (format == nullptr)
    return refuse(VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER, fmt::format("Format {} is unknown.", command.format));
  const std::uint32_t most = options_.max_image_size;
  if (command.width == 0 || command.height == 0 || command.width > most || command.height > most)
    return refuse(VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER,
                  fmt::format("An image of {}x{} pixels is not possible; width and height must be 1 to {}.",
                              command.width, command.height, most));
  auto image = Image::create(format->format, command.width, command.height, host_memory_);
  if (!image) return std::unexpected(std::move(image.error()));
  resources_.add(ResourceId{command.resource_id}, std::move(*image));
  return Response{};
}

Answer<Response> Device::resource_unref(Call& call) {
  const auto command = call.as<virtio_gpu_resource_command>();
  auto found = resources_.find(ResourceId{command.resource_id});
  if (!found) return std::unexpected(std::move(found.error()));
  Resource& resource = **found;
  scanouts_.gone(resource);
  while (!resource.contexts.empty()) detach(resource.contexts.back(), resource);
  unmap(resource);
  resources_.remove(resource.id);
  return Response{};
}

Answer<Backing> Device::read_backing(std::span<const std::byte> bytes, std::uint32_t count) {
  if (count > bytes.size() / sizeof(virtio_gpu_mem_entry))
    return refuse(VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER,
                  fmt::format("{} entries do not fit in {} bytes.", count, bytes.size()));
  if (count > options_.max_backing_entries)
    return cannot(VIRTIO_GPU_RESP_ERR_OUT_OF_MEMORY,
                  fmt::format("A resource of {} pieces of guest memory is refused; the limit is {}.", count,
                              options_.max_backing_entries));
  std::vector<virtio_gpu_mem_entry> entries(count);
  if (count > 0) std::memcpy(entries.data(), bytes.data(), count * sizeof(virtio_gpu_mem_entry));
  return Backing::create(entries, *memory_.view(), host_memory_);
}

Answer<Response> Device::resource_attach_backing(Call& call) {
  const auto command = call.as<virtio_gpu_resource_attach_backing>();
  auto found = resources_.find(ResourceId{command.resource_id});
  if (!found) return std::unexpected(std::move(found.error()));
  Resource& resource = **found;
  if (resource.backing) return refuse(VIRTIO_GPU_RESP_ERR_UNSPEC, "The resource has backing already.");
  const Blob* blob = resource.blob();
  if (blob != nullptr && blob->blob_mem == VIRTIO_GPU_BLOB_MEM_HOST3D)
    return refuse(VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER, "A blob of host memory takes no backing.");
  auto backing = read_backing(call.after<virtio_gpu_resource_attach_backing>(), command.nr_entries);
  if (!backing) return std::unexpected(std::move(backing.error()));
  if (blob != nullptr && backing->size() < blob->size)
    return refuse(VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER,
                  fmt::format("{} bytes of backing are not enough for a blob of {}.", backing->size(), blob->size));
  resource.backing = std::move(*backing);
  return Response{};
}

Answer<Response> Device::resource_detach_backing(Call& call) {
  const auto command = call.as<virtio_gpu_resource_command>();
  auto resource = resources_.find(ResourceId{command.resource_id});
  if (!resource) return std::unexpected(std::move(resource.error()));
  if (!(*resource)->backing) return refuse(VIRTIO_GPU_RESP_ERR_UNSPEC, "The resource has no backing.");
  (*resource)->backing.reset();
  return Response{};
}

Answer<Response> Device::transfer_to_host_2d(Call& call) {
  const auto command = call.as<virtio_gpu_transfer_to_host_2d>();
  auto resource = resources_.find(ResourceId{command.resource_id});
  if (!resource) return std::unexpected(std::move(resource.error()));
  Image* image = (*resource)->image();
  // Linux sends it for the blobs of its screens too. They have no copy on the host that would have to be brought up to
  // date.
  if (image == nullptr) return Response{};
  const Rect rect{.x = command.r.x, .y = command.r.y, .width = command.r.width, .height = command.r.height};
  if (!rect.fits(image->width(), image->height()))
    return refuse(VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER,
                  fmt::format("{}x{} pixels at {},{} are not within the resource's {}x{}.", rect.width, rect.height,
                              rect.x, rect.y, image->width(), image->height()));
  const auto& backing = (*resource)->backing;
  if (!backing) return refuse(VIRTIO_GPU_RESP_ERR_UNSPEC, "The resource has no backing.");
  if (rect.empty()) return Response{};

  // Rows are a stride of the resource apart in the backing too; only the offset is the guest's choice. All rows are
  // checked before the first is copied.
  const std::uint64_t stride = image->stride();
  const std::uint64_t row = std::uint64_t{rect.width} * kBytesPerPixel;
  const std::uint64_t span = stride * (rect.height - 1) + row;
  if (command.offset > backing->size() || span > backing->size() - command.offset)
    return refuse(VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER,
                  fmt::format("{} bytes at offset {} are not within the backing of {} bytes.", span, command.offset,
                              backing->size()));
  const auto view = memory_.view();
  auto to = image->bytes().subspan(std::uint64_t{rect.y} * stride + std::uint64_t{rect.x} * kBytesPerPixel, span);
  const auto gone = [] { return refuse(VIRTIO_GPU_RESP_ERR_UNSPEC, "The backing is no longer the guest's memory."); };
  ++activity_.transfers;
  activity_.transferred_bytes += row * rect.height;
  if (row == stride) {
    if (!backing->read(*view, command.offset, to)) return gone();
    return Response{};
  }
  for (std::uint32_t y = 0; y < rect.height; ++y) {
    if (!backing->read(*view, command.offset + y * stride, to.subspan(y * stride, row))) return gone();
  }
  return Response{};
}

Answer<Response> Device::resource_assign_uuid(Call& call) {
  const auto command = call.as<virtio_gpu_resource_command>();
  auto resource = resources_.find(ResourceId{command.resource_id});
  if (!resource) return std::unexpected(std::move(resource.error()));
  // Ours alone by the random half, each resource's alone by its serial number.
  virtio_gpu_resp_resource_uuid response{};
  const std::array<std::uint64_t, 2> halves{uuid_seed_, (*resource)->serial};
  static_assert(sizeof(halves) == sizeof(response.uuid));
  std::memcpy(response.uuid.data(), halves.data(), sizeof(halves));
  return response_of(VIRTIO_GPU_RESP_OK_RESOURCE_UUID, response);
}

}  // namespace hesper::gpu
