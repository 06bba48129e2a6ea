// Pictures: following images, buffers and command buffers, and reading memory.
#include "replay/pictures.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <utility>

#include "base/hash.h"
#include "replay/texels.h"
#include "wire/decoder.h"

namespace hesper::replay {
namespace {

// Nothing larger is a picture; keeps all products below in 64 bits.
constexpr std::uint32_t kMaxSide = 1u << 16;
constexpr std::uint64_t kMaxRows = 1u << 20;
constexpr std::size_t kMaxPixels = std::size_t{1} << 26;
constexpr std::size_t kMaxDepth = 4;  // of command buffers that execute others; Vulkan knows two levels

// Handles of a stream that was decoded without an object table are ids.
template <class Handle>
wire::ObjectId id_of(Handle handle) noexcept {
  return std::bit_cast<wire::ObjectId>(handle);
}

}  // namespace

template <class Args>
std::optional<Args> Pictures::decode(std::span<const std::byte> bytes) {
  constexpr std::size_t kHeader = 8;  // type and flags
  arena_.reset();
  wire::Decoder decoder(arena_, nullptr);
  decoder.reset(bytes.subspan(kHeader));
  Args args;
  wire::decode_request(decoder, args);
  return decoder.ok() ? std::optional(args) : std::nullopt;
}

void Pictures::add_copies(wire::ObjectId command_buffer, wire::ObjectId image, wire::ObjectId buffer,
                          std::span<const VkBufferImageCopy> regions) {
  for (const VkBufferImageCopy& region : regions) {
    recordings_[command_buffer].copies.push_back({.image = image, .buffer = buffer, .region = region});
  }
}

void Pictures::command(wire::CommandType type, std::span<const std::byte> bytes) {
  using enum wire::CommandType;
  switch (type) {
    case vkCreateImage: {
      const auto args = decode<wire::vkCreateImage_args>(bytes);
      if (!args) return;
      const VkImageCreateInfo& info = *args->pCreateInfo;
      images_[*args->pImage_ids] = {.format = info.format,
                                    .extent = info.extent,
                                    .linear = info.tiling != VK_IMAGE_TILING_OPTIMAL && info.mipLevels == 1 &&
                                              info.arrayLayers == 1 && info.extent.depth == 1};
      return;
    }
    case vkDestroyImage:
      if (const auto args = decode<wire::vkDestroyImage_args>(bytes)) {
        images_.erase(args->image.id);
        image_places_.erase(args->image.id);
      }
      return;
    case vkDestroyBuffer:
      if (const auto args = decode<wire::vkDestroyBuffer_args>(bytes)) buffer_places_.erase(args->buffer.id);
      return;
    case vkFreeMemory:
      if (const auto args = decode<wire::vkFreeMemory_args>(bytes)) mappings_.erase(args->memory.id);
      return;
    case vkBindImageMemory:
      if (const auto args = decode<wire::vkBindImageMemory_args>(bytes)) {
        image_places_[args->image.id] = {.memory = args->memory.id, .offset = args->memoryOffset};
      }
      return;
    case vkBindBufferMemory:
      if (const auto args = decode<wire::vkBindBufferMemory_args>(bytes)) {
        buffer_places_[args->buffer.id] = {.memory = args->memory.id, .offset = args->memoryOffset};
      }
      return;
    case vkBindImageMemory2:
      if (const auto args = decode<wire::vkBindImageMemory2_args>(bytes)) {
        for (const VkBindImageMemoryInfo& bind : std::span(args->pBindInfos, args->bindInfoCount)) {
          image_places_[id_of(bind.image)] = {.memory = id_of(bind.memory), .offset = bind.memoryOffset};
        }
      }
      return;
    case vkBindBufferMemory2:
      if (const auto args = decode<wire::vkBindBufferMemory2_args>(bytes)) {
        for (const VkBindBufferMemoryInfo& bind : std::span(args->pBindInfos, args->bindInfoCount)) {
          buffer_places_[id_of(bind.buffer)] = {.memory = id_of(bind.memory), .offset = bind.memoryOffset};
        }
      }
      return;
    case vkBeginCommandBuffer:
      if (const auto args = decode<wire::vkBeginCommandBuffer_args>(bytes)) recordings_.erase(args->commandBuffer.id);
      return;
    case vkCmdCopyImageToBuffer:
      if (const auto args = decode<wire::vkCmdCopyImageToBuffer_args>(bytes)) {
        add_copies(args->commandBuffer.id, args->srcImage.id, args->dstBuffer.id, {args->pRegions, args->regionCount});
      }
      return;
    case vkCmdCopyImageToBuffer2:
      if (const auto args = decode<wire::vkCmdCopyImageToBuffer2_args>(bytes)) {
        const VkCopyImageToBufferInfo2& info = *args->pCopyImageToBufferInfo;
        for (const VkBufferImageCopy2& region : std::span(info.pRegions, info.regionCount)) {
          const VkBufferImageCopy plain{.bufferOffset = region.bufferOffset,
                                        .bufferRowLength = region.bufferRowLength,
                                        .bufferImageHeight = region.bufferImageHeight,
                                        .imageSubresource = region.imageSubresource,
                                        .imageOffset = region.imageOffset,
                                        .imageExtent = region.imageExtent};
          add_copies(args->commandBuffer.id, id_of(info.srcImage), id_of(info.dstBuffer), {&plain, 1});
        }
      }
      return;
    case vkCmdExecuteCommands:
      if (const auto args = decode<wire::vkCmdExecuteCommands_args>(bytes)) {
        auto& secondaries = recordings_[args->commandBuffer.id].secondaries;
        secondaries.insert(secondaries.end(), args->pCommandBuffers_ids,
                           args->pCommandBuffers_ids + args->commandBufferCount);
      }
      return;
    case vkQueueSubmit:
      if (const auto args = decode<wire::vkQueueSubmit_args>(bytes)) {
        submitted_ = true;
        for (std::uint32_t i = 0; args->pSubmits != nullptr && i < args->submitCount; ++i) {
          const VkSubmitInfo& submit = args->pSubmits[i];
          for (std::uint32_t c = 0; submit.pCommandBuffers != nullptr && c < submit.commandBufferCount; ++c) {
            submitted(id_of(submit.pCommandBuffers[c]));
          }
        }
      }
      return;
    case vkQueueSubmit2:
      if (const auto args = decode<wire::vkQueueSubmit2_args>(bytes)) {
        submitted_ = true;
        for (std::uint32_t i = 0; args->pSubmits != nullptr && i < args->submitCount; ++i) {
          const VkSubmitInfo2& submit = args->pSubmits[i];
          for (std::uint32_t c = 0; submit.pCommandBufferInfos != nullptr && c < submit.commandBufferInfoCount; ++c) {
            submitted(id_of(submit.pCommandBufferInfos[c].commandBuffer));
          }
        }
      }
      return;
    default: return;
  }
}

void Pictures::submitted(wire::ObjectId command_buffer) {
  std::vector<wire::ObjectId> level{command_buffer};
  for (std::size_t depth = 0; depth < kMaxDepth && !level.empty(); ++depth) {
    std::vector<wire::ObjectId> below;
    for (const wire::ObjectId id : level) {
      const auto at = recordings_.find(id);
      if (at == recordings_.end()) continue;
      due_.insert(due_.end(), at->second.copies.begin(), at->second.copies.end());
      below.insert(below.end(), at->second.secondaries.begin(), at->second.secondaries.end());
    }
    level = std::move(below);
  }
}

std::vector<Picture> Pictures::take(render::ClientContext& context) {
  submitted_ = false;
  std::vector<Picture> pictures;
  for (const Copy& copy : std::exchange(due_, {})) {
    if (auto picture = read_copy(context, copy)) pictures.push_back(std::move(*picture));
  }
  for (auto& [id, image] : images_) {
    if (!image.linear) continue;
    auto picture = read_linear(context, id, image);
    if (!picture || picture->hash == image.last_hash) continue;
    image.last_hash = picture->hash;
    pictures.push_back(std::move(*picture));
  }
  return pictures;
}

std::optional<Picture> Pictures::read_copy(render::ClientContext& context, const Copy& copy) {
  const auto image = images_.find(copy.image);
  const auto place = buffer_places_.find(copy.buffer);
  if (image == images_.end() || place == buffer_places_.end()) return std::nullopt;
  const VkBufferImageCopy& region = copy.region;
  const std::uint64_t texel = texel_size(image->second.format);
  const std::uint64_t row = region.bufferRowLength != 0 ? region.bufferRowLength : region.imageExtent.width;
  const std::uint64_t rows = region.bufferImageHeight != 0 ? region.bufferImageHeight : region.imageExtent.height;
  if (row > kMaxSide || rows > kMaxSide || region.bufferOffset > UINT64_MAX - place->second.offset) return std::nullopt;
  const std::uint32_t layers = std::max(region.imageSubresource.layerCount, 1u);
  const std::uint32_t depth = std::max(region.imageExtent.depth, 1u);
  if (layers > kMaxSide || depth > kMaxSide) return std::nullopt;
  return read(context, copy.image, image->second.format, place->second.memory,
              {.offset = place->second.offset + region.bufferOffset,
               .row_pitch = row * texel,
               .plane_pitch = row * texel * rows,
               .width = region.imageExtent.width,
               .height = region.imageExtent.height,
               .planes = std::max(layers, depth)});
}

std::optional<Picture> Pictures::read_linear(render::ClientContext& context, wire::ObjectId id, const Image& image) {
  const auto place = image_places_.find(id);
  const wire::Object object = context.objects().find(id);
  if (place == image_places_.end() || object.type != VK_OBJECT_TYPE_IMAGE || object.tombstone) return std::nullopt;
  if (bytes_of(context, place->second.memory).empty()) return std::nullopt;
  const render::Device& device = render::device_of(object.state);
  const VkImageSubresource color{.aspectMask = VK_IMAGE_ASPECT_COLOR_BIT, .mipLevel = 0, .arrayLayer = 0};
  VkSubresourceLayout layout{};
  device.procs->vkGetImageSubresourceLayout(device.handle, std::bit_cast<VkImage>(object.handle), &color, &layout);
  if (layout.offset > UINT64_MAX - place->second.offset) return std::nullopt;
  return read(context, id, image.format, place->second.memory,
              {.offset = place->second.offset + layout.offset,
               .row_pitch = layout.rowPitch,
               .plane_pitch = 0,
               .width = image.extent.width,
               .height = image.extent.height});
}

std::span<const std::byte> Pictures::bytes_of(render::ClientContext& context, wire::ObjectId memory) {
  if (const auto at = mappings_.find(memory); at != mappings_.end()) return at->second.bytes();
  const auto found = context.find_memory(memory);
  if (found == nullptr || !found->mappable) return {};
  const render::ResourceId resource{next_resource_++};
  const auto blob =
      context.create_blob({.resource = resource, .blob_flags = 1, .blob_id = memory, .size = found->size});
  if (!blob) return {};
  auto mapping = platform::Mapping::map(blob->fd.get(), blob->size);
  context.destroy_resource(resource);  // the mapping keeps the pages
  if (!mapping) return {};
  return mappings_.emplace(memory, std::move(*mapping)).first->second.bytes();
}

std::optional<Picture> Pictures::read(render::ClientContext& context, wire::ObjectId image, VkFormat format,
                                      wire::ObjectId memory, const Layout& layout) {
  const std::size_t texel = texel_size(format);
  const std::size_t row = layout.width * texel;
  const std::uint64_t rows = std::uint64_t{layout.height} * layout.planes;
  if (row == 0 || rows == 0 || layout.width > kMaxSide || rows > kMaxRows || layout.width * rows > kMaxPixels ||
      layout.row_pitch > UINT32_MAX || layout.row_pitch < row) {
    return std::nullopt;
  }
  const auto bytes = bytes_of(context, memory);
  const std::uint64_t last = (layout.planes - 1) * layout.plane_pitch + (layout.height - 1) * layout.row_pitch + row;
  if (layout.offset > bytes.size() || last > bytes.size() - layout.offset) return std::nullopt;

  Picture picture{.name = fmt::format("image {}", image),
                  .format = format_name(format),
                  .width = layout.width,
                  .height = static_cast<std::uint32_t>(rows),
                  .hash = layout.width,
                  .rgba = std::vector<std::byte>(layout.width * rows * 4)};
  bool shows = true;
  std::byte* to = picture.rgba.data();
  for (std::uint32_t plane = 0; plane < layout.planes; ++plane) {
    for (std::uint32_t y = 0; y < layout.height; ++y) {
      const auto texels = bytes.subspan(layout.offset + plane * layout.plane_pitch + y * layout.row_pitch, row);
      picture.hash = hash64(texels, picture.hash);
      shows = shows && to_rgba(format, texels, to);
      to += std::size_t{layout.width} * 4;
    }
  }
  if (!shows) picture.rgba.clear();
  return picture;
}

}  // namespace hesper::replay
