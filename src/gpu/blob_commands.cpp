// Commands about blobs: creation, and their places in the host-visible window.
#include <fmt/format.h>

#include <optional>
#include <utility>

#include "gpu/device.h"

namespace hesper::gpu {
namespace {

constexpr std::uint32_t kKnownFlags =
    VIRTIO_GPU_BLOB_FLAG_USE_MAPPABLE | VIRTIO_GPU_BLOB_FLAG_USE_SHAREABLE | VIRTIO_GPU_BLOB_FLAG_USE_CROSS_DEVICE;

}  // namespace

Answer<Response> Device::resource_create_blob(Call& call) {
  const auto command = call.as<virtio_gpu_resource_create_blob>();
  const ResourceId id{command.resource_id};
  if (auto is_new = resources_.check_new(id); !is_new) return std::unexpected(std::move(is_new.error()));
  if (command.blob_mem < VIRTIO_GPU_BLOB_MEM_GUEST || command.blob_mem > VIRTIO_GPU_BLOB_MEM_HOST3D_GUEST)
    return refuse(VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER, fmt::format("blob_mem {} is unknown.", command.blob_mem));
  if ((command.blob_flags & ~kKnownFlags) != 0)
    return refuse(VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER,
                  fmt::format("blob_flags {:#x} are unknown.", command.blob_flags));
  if (command.size == 0) return refuse(VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER, "The blob's size is 0.");
  if (has(VIRTIO_GPU_F_BLOB_ALIGNMENT) && command.size % options_.blob_alignment != 0)
    return refuse(VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER,
                  fmt::format("The blob's size ({}) is not a multiple of {}.", command.size, options_.blob_alignment));
  if (command.size > options_.max_blob_size)
    return cannot(VIRTIO_GPU_RESP_ERR_OUT_OF_MEMORY,
                  fmt::format("A blob of {} bytes is refused; the limit is {}.", command.size, options_.max_blob_size));
  const bool on_host = command.blob_mem != VIRTIO_GPU_BLOB_MEM_GUEST;
  if (on_host && !has(VIRTIO_GPU_F_VIRGL))
    return refuse(VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER, "Blobs of host memory need contexts.");
  if (command.blob_mem == VIRTIO_GPU_BLOB_MEM_HOST3D && command.nr_entries != 0)
    return refuse(VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER, "A blob of host memory takes no backing.");

  std::optional<Backing> backing;
  if (command.nr_entries != 0) {
    auto read = read_backing(call.after<virtio_gpu_resource_create_blob>(), command.nr_entries);
    if (!read) return std::unexpected(std::move(read.error()));
    if (read->size() < command.size)
      return refuse(VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER,
                    fmt::format("{} bytes of backing are not enough for a blob of {}.", read->size(), command.size));
    backing = std::move(*read);
  }
  Blob blob{.blob_mem = command.blob_mem, .blob_flags = command.blob_flags, .size = command.size, .host = nullptr};
  if (on_host) {
    auto context = find_working_context(call.context());
    if (!context) return std::unexpected(std::move(context.error()));
    auto made = (*context)->host->create_blob({.resource = id,
                                               .blob_mem = command.blob_mem,
                                               .blob_flags = command.blob_flags,
                                               .blob_id = command.blob_id,
                                               .size = command.size});
    if (!made) return cannot(VIRTIO_GPU_RESP_ERR_OUT_OF_MEMORY, std::move(made.error().message));
    blob.host = std::move(*made);
  }
  resources_.add(id, std::move(blob)).backing = std::move(backing);
  return Response{};
}

Answer<Response> Device::resource_map_blob(Call& call) {
  const auto command = call.as<virtio_gpu_resource_map_blob>();
  auto found = resources_.find(ResourceId{command.resource_id});
  if (!found) return std::unexpected(std::move(found.error()));
  Resource& resource = **found;
  Blob* blob = resource.blob();
  if (blob == nullptr || !blob->host || (blob->blob_flags & VIRTIO_GPU_BLOB_FLAG_USE_MAPPABLE) == 0)
    return refuse(VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER, "The resource is not a mappable blob of host memory.");
  if (blob->mapped) return refuse(VIRTIO_GPU_RESP_ERR_UNSPEC, "The blob is mapped already.");
  if (has(VIRTIO_GPU_F_BLOB_ALIGNMENT) && command.offset % options_.blob_alignment != 0)
    return refuse(VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER,
                  fmt::format("Window offset {:#x} is not a multiple of {}.", command.offset, options_.blob_alignment));
  auto range = window_.take(command.offset, blob->size);
  if (!range) return std::unexpected(std::move(range.error()));
  blob->mapped = *range;
  call.wait_for = [this, &resource, blob](Cookie cookie) {
    blob->mapping = cookie;
    mappings_.emplace(cookie, &resource);
    blob->host->map(*blob->mapped, cookie);
  };
  return Response{};
}

void Device::blob_mapped(Cookie cookie, Result<MapCache> how) {
  const auto at = mappings_.find(cookie);
  if (at == mappings_.end()) return;  // unmapped meanwhile
  Resource& resource = *at->second;
  mappings_.erase(at);
  Blob& blob = *resource.blob();
  blob.mapping.reset();
  Response response{.type = VIRTIO_GPU_RESP_ERR_UNSPEC, .payload = {}};
  if (how) {
    virtio_gpu_resp_map_info info{};
    info.map_info = static_cast<std::uint32_t>(*how);
    response = response_of(VIRTIO_GPU_RESP_OK_MAP_INFO, info);
  } else {
    window_.give(*blob.mapped);
    blob.mapped.reset();
    complaints_.complain(fmt::format("RESOURCE_MAP_BLOB: {}", how.error().message));
  }
  scanouts_.moved(resource);
  static_cast<void>(timelines_.ready(cookie, std::move(response)));
}

Answer<Response> Device::resource_unmap_blob(Call& call) {
  const auto command = call.as<virtio_gpu_resource_command>();
  auto resource = resources_.find(ResourceId{command.resource_id});
  if (!resource) return std::unexpected(std::move(resource.error()));
  const Blob* blob = (*resource)->blob();
  if (blob == nullptr || !blob->mapped) return refuse(VIRTIO_GPU_RESP_ERR_UNSPEC, "The resource is not mapped.");
  unmap(**resource);
  scanouts_.moved(**resource);
  return Response{};
}

void Device::unmap(Resource& resource) {
  Blob* blob = resource.blob();
  if (blob == nullptr || !blob->mapped) return;
  blob->host->unmap();
  window_.give(*blob->mapped);
  blob->mapped.reset();
  if (!blob->mapping) return;
  // The guest must not wait for it for ever.
  const Cookie cookie = *std::exchange(blob->mapping, std::nullopt);
  mappings_.erase(cookie);
  static_cast<void>(timelines_.ready(cookie, {.type = VIRTIO_GPU_RESP_ERR_UNSPEC, .payload = {}}));
}

}  // namespace hesper::gpu
