// Commands, and what their answers must be.
#include "proof/driver.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include "proof/picture.h"

namespace hesper::proof {
namespace {

using namespace gpu;

constexpr std::uint32_t kFormat = 2;  // VIRTIO_GPU_FORMAT_B8G8R8X8_UNORM
constexpr virtio_gpu_rect kAll{.x = 0, .y = 0, .width = kWidth, .height = kHeight};
// Each repeated fence has a number of its own, one more than the last: those of different repetitions lie apart.
constexpr std::uint64_t kFenceStep = 1u << 16;

std::string_view title_of(std::uint32_t type) {
  switch (type) {
    case VIRTIO_GPU_CMD_GET_DISPLAY_INFO: return "GET_DISPLAY_INFO";
    case VIRTIO_GPU_CMD_RESOURCE_CREATE_2D: return "RESOURCE_CREATE_2D";
    case VIRTIO_GPU_CMD_SET_SCANOUT: return "SET_SCANOUT";
    case VIRTIO_GPU_CMD_RESOURCE_FLUSH: return "RESOURCE_FLUSH";
    case VIRTIO_GPU_CMD_TRANSFER_TO_HOST_2D: return "TRANSFER_TO_HOST_2D";
    case VIRTIO_GPU_CMD_RESOURCE_ATTACH_BACKING: return "RESOURCE_ATTACH_BACKING";
    case VIRTIO_GPU_CMD_GET_CAPSET: return "GET_CAPSET";
    case VIRTIO_GPU_CMD_RESOURCE_CREATE_BLOB: return "RESOURCE_CREATE_BLOB";
    case VIRTIO_GPU_CMD_SET_SCANOUT_BLOB: return "SET_SCANOUT_BLOB";
    case VIRTIO_GPU_CMD_CTX_CREATE: return "CTX_CREATE";
    case VIRTIO_GPU_CMD_CTX_ATTACH_RESOURCE: return "CTX_ATTACH_RESOURCE";
    case VIRTIO_GPU_CMD_SUBMIT_3D: return "SUBMIT_3D";
    case VIRTIO_GPU_CMD_RESOURCE_MAP_BLOB: return "RESOURCE_MAP_BLOB";
    default: return "a command";
  }
}

Result<void> done(Result<std::vector<std::byte>> answer) {
  if (!answer) return std::unexpected(std::move(answer.error()));
  return {};
}

}  // namespace

virtio_gpu_ctrl_hdr Driver::header(std::uint32_t type) noexcept {
  return {.type = type, .flags = 0, .fence_id = 0, .ctx_id = kContext, .ring_idx = 0, .padding = {}};
}

virtio_gpu_ctrl_hdr Driver::fenced(std::uint32_t type, std::optional<std::uint8_t> ring) noexcept {
  auto result = header(type);
  result.flags = VIRTIO_GPU_FLAG_FENCE | (ring ? VIRTIO_GPU_FLAG_INFO_RING_IDX : 0);
  result.fence_id = fence_ += kFenceStep;
  result.ring_idx = ring.value_or(0);
  return result;
}

Result<std::vector<std::byte>> Driver::send(std::span<const std::byte> bytes, std::uint32_t expected) {
  virtio_gpu_ctrl_hdr asked{};
  std::memcpy(&asked, bytes.data(), sizeof(asked));
  auto answer = player_.submit(bytes);
  if (!answer) return std::unexpected(std::move(answer.error()));
  virtio_gpu_ctrl_hdr header{};
  if (answer->bytes.size() < sizeof(header))
    return fail(fmt::format("The GPU answers {} with {} bytes.", title_of(asked.type), answer->bytes.size()), EPROTO);
  std::memcpy(&header, answer->bytes.data(), sizeof(header));
  if (header.type != expected)
    return fail(
        fmt::format("The GPU answers {} with {:#x} instead of {:#x}.", title_of(asked.type), header.type, expected),
        header.type == VIRTIO_GPU_RESP_ERR_UNSPEC ? ECONNABORTED : EPROTO);
  if ((asked.flags & VIRTIO_GPU_FLAG_FENCE) != 0 &&
      ((header.flags & VIRTIO_GPU_FLAG_FENCE) == 0 || header.fence_id != asked.fence_id))
    return fail(fmt::format("The GPU answers {} without its fence.", title_of(asked.type)), EPROTO);
  return std::move(answer->bytes);
}

Result<void> Driver::make_image(std::uint32_t resource, std::uint64_t address) {
  const virtio_gpu_resource_create_2d create{.hdr = header(VIRTIO_GPU_CMD_RESOURCE_CREATE_2D),
                                             .resource_id = resource,
                                             .format = kFormat,
                                             .width = kWidth,
                                             .height = kHeight};
  if (auto made = ask(create); !made) return done(std::move(made));
  const virtio_gpu_resource_attach_backing attach{
      .hdr = header(VIRTIO_GPU_CMD_RESOURCE_ATTACH_BACKING), .resource_id = resource, .nr_entries = 1};
  const virtio_gpu_mem_entry entry{.addr = address, .length = kPictureSize, .padding = 0};
  return done(ask(attach, VIRTIO_GPU_RESP_OK_NODATA, std::as_bytes(std::span(&entry, 1))));
}

Result<void> Driver::transfer(std::uint32_t resource) {
  return done(ask(virtio_gpu_transfer_to_host_2d{.hdr = header(VIRTIO_GPU_CMD_TRANSFER_TO_HOST_2D),
                                                 .r = kAll,
                                                 .offset = 0,
                                                 .resource_id = resource,
                                                 .padding = 0}));
}

Result<void> Driver::show_image(std::uint32_t resource) {
  const virtio_gpu_set_scanout show{
      .hdr = header(VIRTIO_GPU_CMD_SET_SCANOUT), .r = kAll, .scanout_id = 0, .resource_id = resource};
  if (auto shown = ask(show); !shown) return done(std::move(shown));
  return flush(resource);
}

Result<void> Driver::show_blob(std::uint32_t resource) {
  const virtio_gpu_set_scanout_blob show{.hdr = header(VIRTIO_GPU_CMD_SET_SCANOUT_BLOB),
                                         .r = kAll,
                                         .scanout_id = 0,
                                         .resource_id = resource,
                                         .width = kWidth,
                                         .height = kHeight,
                                         .format = kFormat,
                                         .padding = 0,
                                         .strides = {kStride},
                                         .offsets = {}};
  if (auto shown = ask(show); !shown) return done(std::move(shown));
  return flush(resource);
}

Result<void> Driver::flush(std::uint32_t resource) {
  auto hdr = fenced(VIRTIO_GPU_CMD_RESOURCE_FLUSH, std::nullopt);
  hdr.ctx_id = 0;
  return done(ask(virtio_gpu_resource_flush{.hdr = hdr, .r = kAll, .resource_id = resource, .padding = 0}));
}

Result<bool> Driver::blobs_come_first() {
  // docs/wire.md, "Capset": the last word is use_guest_vram.
  constexpr std::size_t kSize = 160;
  auto answer = ask(
      virtio_gpu_get_capset{
          .hdr = header(VIRTIO_GPU_CMD_GET_CAPSET), .capset_id = VIRTIO_GPU_CAPSET_VENUS, .capset_version = 0},
      VIRTIO_GPU_RESP_OK_CAPSET);
  if (!answer) return std::unexpected(std::move(answer.error()));
  if (answer->size() < sizeof(virtio_gpu_ctrl_hdr) + kSize) return fail("The GPU's capset is too short.", EPROTO);
  std::uint32_t last = 0;
  std::memcpy(&last, answer->data() + sizeof(virtio_gpu_ctrl_hdr) + kSize - sizeof(last), sizeof(last));
  return last != 0;
}

Result<void> Driver::make_context() {
  constexpr std::string_view kName = "hesper proof";
  virtio_gpu_ctx_create create{.hdr = header(VIRTIO_GPU_CMD_CTX_CREATE),
                               .nlen = kName.size(),
                               .context_init = VIRTIO_GPU_CAPSET_VENUS,
                               .debug_name = {}};
  std::ranges::copy(kName, create.debug_name.begin());
  return done(ask(create));
}

Result<void> Driver::make_blob(std::uint32_t resource, std::uint64_t blob_id, std::uint64_t offset,
                               std::uint64_t size) {
  const virtio_gpu_resource_create_blob create{.hdr = header(VIRTIO_GPU_CMD_RESOURCE_CREATE_BLOB),
                                               .resource_id = resource,
                                               .blob_mem = VIRTIO_GPU_BLOB_MEM_HOST3D,
                                               .blob_flags = VIRTIO_GPU_BLOB_FLAG_USE_MAPPABLE,
                                               .nr_entries = 0,
                                               .blob_id = blob_id,
                                               .size = size};
  if (auto made = ask(create); !made) return done(std::move(made));
  const virtio_gpu_resource_command attach{
      .hdr = header(VIRTIO_GPU_CMD_CTX_ATTACH_RESOURCE), .resource_id = resource, .padding = 0};
  if (auto attached = ask(attach); !attached) return done(std::move(attached));
  const virtio_gpu_resource_map_blob map{
      .hdr = header(VIRTIO_GPU_CMD_RESOURCE_MAP_BLOB), .resource_id = resource, .padding = 0, .offset = offset};
  return done(ask(map, VIRTIO_GPU_RESP_OK_MAP_INFO));
}

Result<void> Driver::submit(std::span<const std::byte> commands) {
  const virtio_gpu_cmd_submit submit{.hdr = fenced(VIRTIO_GPU_CMD_SUBMIT_3D, std::nullopt),
                                     .size = static_cast<std::uint32_t>(commands.size()),
                                     .padding = 0};
  return done(ask(submit, VIRTIO_GPU_RESP_OK_NODATA, commands));
}

Result<void> Driver::fence(std::uint8_t ring) {
  return done(ask(virtio_gpu_cmd_submit{.hdr = fenced(VIRTIO_GPU_CMD_SUBMIT_3D, ring), .size = 0, .padding = 0}));
}

Result<void> Driver::ask_for_nothing() {
  return done(ask(fenced(VIRTIO_GPU_CMD_GET_DISPLAY_INFO, std::nullopt), VIRTIO_GPU_RESP_OK_DISPLAY_INFO));
}

}  // namespace hesper::proof
