// Commands about screens: what the guest is told about them, what they show, and their cursors.
#include <fmt/format.h>

#include <algorithm>
#include <tuple>

#include "gpu/device.h"

namespace hesper::gpu {
namespace {

Rect rect_of(const virtio_gpu_rect& rect) noexcept {
  return {.x = rect.x, .y = rect.y, .width = rect.width, .height = rect.height};
}

// Both are signed, though the layout does not say so.
Point point_of(const virtio_gpu_cursor_pos& pos) noexcept {
  return {.x = static_cast<std::int32_t>(pos.x), .y = static_cast<std::int32_t>(pos.y)};
}

Answer<Picture> cursor_picture(Resource& resource) {
  constexpr std::uint32_t kStride = kCursorSize * kBytesPerPixel;
  Picture picture{
      .format = Format::b8g8r8a8, .width = kCursorSize, .height = kCursorSize, .stride = kStride, .memory = &resource};
  if (const Image* image = resource.image(); image != nullptr) {
    if (image->width() != kCursorSize || image->height() != kCursorSize)
      return refuse(VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER,
                    fmt::format("A cursor of {}x{} pixels is not possible, only of {}x{}.", image->width(),
                                image->height(), kCursorSize, kCursorSize));
    picture.format = image->format();
  } else if (resource.size() < std::uint64_t{kStride} * kCursorSize) {
    // A guest with blobs but without 3D makes them its cursors, which have no size and format of their own.
    return refuse(VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER,
                  fmt::format("A blob of {} bytes is too small for a cursor.", resource.size()));
  }
  return picture;
}

}  // namespace

Answer<void> Device::check_scanout(std::uint32_t scanout) const {
  if (scanout >= outputs_.count())
    return refuse(VIRTIO_GPU_RESP_ERR_INVALID_SCANOUT_ID,
                  fmt::format("Scanout {} does not exist; there are {}.", scanout, outputs_.count()));
  return {};
}

Answer<Response> Device::get_display_info(Call& /*call*/) {
  return response_of(VIRTIO_GPU_RESP_OK_DISPLAY_INFO, outputs_.display_info());
}

Answer<Response> Device::get_edid(Call& call) {
  const auto command = call.as<virtio_gpu_get_edid>();
  if (auto valid = check_scanout(command.scanout); !valid) return std::unexpected(std::move(valid.error()));
  const auto edid = outputs_.edid(command.scanout);
  virtio_gpu_resp_edid response{};
  response.size = static_cast<std::uint32_t>(edid.size());
  std::ranges::copy(edid, response.edid.begin());
  return response_of(VIRTIO_GPU_RESP_OK_EDID, response);
}

Answer<Response> Device::set_scanout(Call& call) {
  const auto command = call.as<virtio_gpu_set_scanout>();
  if (auto valid = check_scanout(command.scanout_id); !valid) return std::unexpected(std::move(valid.error()));
  if (command.resource_id == 0) {  // whatever the rectangle is: Linux sends the old mode's
    scanouts_.blank(command.scanout_id);
    return Response{};
  }
  auto resource = resources_.find(ResourceId{command.resource_id});
  if (!resource) return std::unexpected(std::move(resource.error()));
  const Image* image = (*resource)->image();
  if (image == nullptr)
    return refuse(VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER, "A blob has no format; SET_SCANOUT_BLOB tells one.");
  const Rect part = rect_of(command.r);
  if (part.empty() || !part.fits(image->width(), image->height()))
    return refuse(VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER,
                  fmt::format("{}x{} pixels at {},{} are not within the resource's {}x{}.", part.width, part.height,
                              part.x, part.y, image->width(), image->height()));
  scanouts_.show(command.scanout_id, **resource,
                 {.format = image->format(),
                  .width = image->width(),
                  .height = image->height(),
                  .offset = 0,
                  .stride = image->stride()},
                 part);
  return Response{};
}

Answer<Response> Device::set_scanout_blob(Call& call) {
  const auto command = call.as<virtio_gpu_set_scanout_blob>();
  if (auto valid = check_scanout(command.scanout_id); !valid) return std::unexpected(std::move(valid.error()));
  if (command.resource_id == 0) {
    scanouts_.blank(command.scanout_id);
    return Response{};
  }
  auto resource = resources_.find(ResourceId{command.resource_id});
  if (!resource) return std::unexpected(std::move(resource.error()));
  const Blob* blob = (*resource)->blob();
  if (blob == nullptr) return refuse(VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER, "The resource is not a blob.");
  const FormatInfo* format = find_format(command.format);
  if (format == nullptr)
    return refuse(VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER, fmt::format("Format {} is unknown.", command.format));
  const auto [width, height, stride, offset] =
      std::tuple(command.width, command.height, command.strides[0], command.offsets[0]);
  if (width == 0 || height == 0 || width > options_.max_image_size || height > options_.max_image_size)
    return refuse(VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER,
                  fmt::format("A picture of {}x{} pixels is not possible; width and height must be 1 to {}.", width,
                              height, options_.max_image_size));
  // With these bounds on width and height the sums do not overflow.
  const std::uint64_t row = std::uint64_t{width} * kBytesPerPixel;
  if (stride < row || offset + std::uint64_t{stride} * (height - 1) + row > blob->size)
    return refuse(
        VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER,
        fmt::format("A picture of {}x{} pixels with stride {} at offset {} is not within the blob of {} bytes.", width,
                    height, stride, offset, blob->size));
  const Rect part = rect_of(command.r);
  if (part.empty() || !part.fits(width, height))
    return refuse(VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER,
                  fmt::format("{}x{} pixels at {},{} are not within the picture's {}x{}.", part.width, part.height,
                              part.x, part.y, width, height));
  if (!(*resource)->readable() && !blob->mapped)
    return cannot(
        VIRTIO_GPU_RESP_ERR_UNSPEC,
        fmt::format("Blob {} cannot be shown: it has no memory that the host can read.", command.resource_id));
  scanouts_.show(command.scanout_id, **resource,
                 {.format = format->format, .width = width, .height = height, .offset = offset, .stride = stride},
                 part);
  return Response{};
}

Answer<Response> Device::resource_flush(Call& call) {
  const auto command = call.as<virtio_gpu_resource_flush>();
  auto resource = resources_.find(ResourceId{command.resource_id});
  if (!resource) return std::unexpected(std::move(resource.error()));
  const Rect damage = rect_of(command.r);
  // A blob's size in pixels is the scanout's affair.
  const Image* image = (*resource)->image();
  if (image != nullptr && !damage.fits(image->width(), image->height()))
    return refuse(VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER,
                  fmt::format("{}x{} pixels at {},{} are not within the resource's {}x{}.", damage.width, damage.height,
                              damage.x, damage.y, image->width(), image->height()));
  scanouts_.flush(**resource, damage);
  return Response{};
}

Answer<Response> Device::update_cursor(Call& call) {
  const auto command = call.as<virtio_gpu_update_cursor>();
  if (auto valid = check_scanout(command.pos.scanout_id); !valid) return std::unexpected(std::move(valid.error()));
  if (command.resource_id == 0) {
    display_.set_cursor(command.pos.scanout_id, nullptr, point_of(command.pos));
    return Response{};
  }
  auto resource = resources_.find(ResourceId{command.resource_id});
  if (!resource) return std::unexpected(std::move(resource.error()));
  const auto picture = cursor_picture(**resource);
  if (!picture) return std::unexpected(picture.error());
  // Copied, as the guest may free the resource at once.
  Cursor cursor{.pixels = {},
                .hot_x = std::min(command.hot_x, kCursorSize - 1),
                .hot_y = std::min(command.hot_y, kCursorSize - 1)};
  decltype(cursor.pixels) pixels;
  if (!copy_pixels(*picture, {.width = kCursorSize, .height = kCursorSize}, pixels, picture->stride))
    return refuse(VIRTIO_GPU_RESP_ERR_UNSPEC, "The cursor's memory cannot be read.");
  // Linux makes its cursors of a format without alpha, as all its dumb buffers are, and means alpha.
  convert_to_b8g8r8a8(with_alpha(picture->format), pixels, cursor.pixels);
  display_.set_cursor(command.pos.scanout_id, &cursor, point_of(command.pos));
  return Response{};
}

Answer<Response> Device::move_cursor(Call& call) {
  // Its resource and hot spot are whatever they were before.
  const auto command = call.as<virtio_gpu_update_cursor>();
  if (auto valid = check_scanout(command.pos.scanout_id); !valid) return std::unexpected(std::move(valid.error()));
  display_.move_cursor(command.pos.scanout_id, point_of(command.pos));
  return Response{};
}

}  // namespace hesper::gpu
