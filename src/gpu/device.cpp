// Device: the table of commands, the way of a command through it, configuration and reset. Handlers live in
// *_commands.cpp.
#include "gpu/device.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <random>
#include <utility>

#include "base/check.h"
#include "base/log.h"

namespace hesper::gpu {
namespace {

constexpr std::uint64_t kGuestPage = 4096;

std::uint64_t random_seed() {
  std::random_device random;
  return std::uint64_t{random()} << 32 | random();
}

}  // namespace

struct Device::Command {
  std::uint32_t type;
  std::string_view name;
  std::size_t size;       // bytes at least, with the header
  std::uint64_t feature;  // that the guest must have acknowledged; 0: none
  Handler handle;
};

std::span<const Device::Command> Device::commands() noexcept {
  using D = Device;
  // A table, one row a line. NOLINTBEGIN(modernize-use-designated-initializers)
  // clang-format off
  static constexpr Command kCommands[] = {
      {VIRTIO_GPU_CMD_GET_DISPLAY_INFO, "GET_DISPLAY_INFO", sizeof(virtio_gpu_ctrl_hdr), 0, &D::get_display_info},
      {VIRTIO_GPU_CMD_RESOURCE_CREATE_2D, "RESOURCE_CREATE_2D", sizeof(virtio_gpu_resource_create_2d), 0, &D::resource_create_2d},
      {VIRTIO_GPU_CMD_RESOURCE_UNREF, "RESOURCE_UNREF", sizeof(virtio_gpu_resource_command), 0, &D::resource_unref},
      {VIRTIO_GPU_CMD_SET_SCANOUT, "SET_SCANOUT", sizeof(virtio_gpu_set_scanout), 0, &D::set_scanout},
      {VIRTIO_GPU_CMD_RESOURCE_FLUSH, "RESOURCE_FLUSH", sizeof(virtio_gpu_resource_flush), 0, &D::resource_flush},
      {VIRTIO_GPU_CMD_TRANSFER_TO_HOST_2D, "TRANSFER_TO_HOST_2D", sizeof(virtio_gpu_transfer_to_host_2d), 0, &D::transfer_to_host_2d},
      {VIRTIO_GPU_CMD_RESOURCE_ATTACH_BACKING, "RESOURCE_ATTACH_BACKING", sizeof(virtio_gpu_resource_attach_backing), 0, &D::resource_attach_backing},
      {VIRTIO_GPU_CMD_RESOURCE_DETACH_BACKING, "RESOURCE_DETACH_BACKING", sizeof(virtio_gpu_resource_command), 0, &D::resource_detach_backing},
      {VIRTIO_GPU_CMD_GET_CAPSET_INFO, "GET_CAPSET_INFO", sizeof(virtio_gpu_get_capset_info), VIRTIO_GPU_F_VIRGL, &D::get_capset_info},
      {VIRTIO_GPU_CMD_GET_CAPSET, "GET_CAPSET", sizeof(virtio_gpu_get_capset), VIRTIO_GPU_F_VIRGL, &D::get_capset},
      {VIRTIO_GPU_CMD_GET_EDID, "GET_EDID", sizeof(virtio_gpu_get_edid), VIRTIO_GPU_F_EDID, &D::get_edid},
      {VIRTIO_GPU_CMD_RESOURCE_ASSIGN_UUID, "RESOURCE_ASSIGN_UUID", sizeof(virtio_gpu_resource_command), VIRTIO_GPU_F_RESOURCE_UUID, &D::resource_assign_uuid},
      {VIRTIO_GPU_CMD_RESOURCE_CREATE_BLOB, "RESOURCE_CREATE_BLOB", sizeof(virtio_gpu_resource_create_blob), VIRTIO_GPU_F_RESOURCE_BLOB, &D::resource_create_blob},
      {VIRTIO_GPU_CMD_SET_SCANOUT_BLOB, "SET_SCANOUT_BLOB", sizeof(virtio_gpu_set_scanout_blob), VIRTIO_GPU_F_RESOURCE_BLOB, &D::set_scanout_blob},
      {VIRTIO_GPU_CMD_CTX_CREATE, "CTX_CREATE", sizeof(virtio_gpu_ctx_create), VIRTIO_GPU_F_VIRGL, &D::ctx_create},
      {VIRTIO_GPU_CMD_CTX_DESTROY, "CTX_DESTROY", sizeof(virtio_gpu_ctx_destroy), VIRTIO_GPU_F_VIRGL, &D::ctx_destroy},
      {VIRTIO_GPU_CMD_CTX_ATTACH_RESOURCE, "CTX_ATTACH_RESOURCE", sizeof(virtio_gpu_resource_command), VIRTIO_GPU_F_VIRGL, &D::ctx_attach_resource},
      {VIRTIO_GPU_CMD_CTX_DETACH_RESOURCE, "CTX_DETACH_RESOURCE", sizeof(virtio_gpu_resource_command), VIRTIO_GPU_F_VIRGL, &D::ctx_detach_resource},
      {VIRTIO_GPU_CMD_RESOURCE_CREATE_3D, "RESOURCE_CREATE_3D", sizeof(virtio_gpu_resource_create_3d), VIRTIO_GPU_F_VIRGL, &D::refuse_3d},
      {VIRTIO_GPU_CMD_TRANSFER_TO_HOST_3D, "TRANSFER_TO_HOST_3D", sizeof(virtio_gpu_transfer_host_3d), VIRTIO_GPU_F_VIRGL, &D::refuse_3d},
      {VIRTIO_GPU_CMD_TRANSFER_FROM_HOST_3D, "TRANSFER_FROM_HOST_3D", sizeof(virtio_gpu_transfer_host_3d), VIRTIO_GPU_F_VIRGL, &D::refuse_3d},
      {VIRTIO_GPU_CMD_SUBMIT_3D, "SUBMIT_3D", sizeof(virtio_gpu_cmd_submit), VIRTIO_GPU_F_VIRGL, &D::submit_3d},
      {VIRTIO_GPU_CMD_RESOURCE_MAP_BLOB, "RESOURCE_MAP_BLOB", sizeof(virtio_gpu_resource_map_blob), VIRTIO_GPU_F_RESOURCE_BLOB, &D::resource_map_blob},
      {VIRTIO_GPU_CMD_RESOURCE_UNMAP_BLOB, "RESOURCE_UNMAP_BLOB", sizeof(virtio_gpu_resource_command), VIRTIO_GPU_F_RESOURCE_BLOB, &D::resource_unmap_blob},
      {VIRTIO_GPU_CMD_UPDATE_CURSOR, "UPDATE_CURSOR", sizeof(virtio_gpu_update_cursor), 0, &D::update_cursor},
      {VIRTIO_GPU_CMD_MOVE_CURSOR, "MOVE_CURSOR", sizeof(virtio_gpu_update_cursor), 0, &D::move_cursor},
  };
  // clang-format on
  // NOLINTEND(modernize-use-designated-initializers)
  return kCommands;
}

Result<std::unique_ptr<Device>> Device::create(DeviceOptions options, const GuestMemory& memory, ContextHost& contexts,
                                               Display& display) {
  if (options.outputs.empty() || options.outputs.size() > VIRTIO_GPU_MAX_SCANOUTS)
    return fail(fmt::format("A device has 1 to {} scanouts, not {}.", VIRTIO_GPU_MAX_SCANOUTS, options.outputs.size()));
  for (const Output& output : options.outputs) {
    if (auto possible = Outputs::check(output); !possible) return std::unexpected(std::move(possible.error()));
  }
  if (!std::has_single_bit(options.window_granularity) || options.window_granularity < kGuestPage)
    return fail(fmt::format("The window's granularity ({}) must be a power of two, at least {}.",
                            options.window_granularity, kGuestPage));
  if (options.window_size % options.window_granularity != 0)
    return fail(fmt::format("The window's size ({}) must be a multiple of its granularity ({}).", options.window_size,
                            options.window_granularity));
  if (options.blob_alignment != 0 && !std::has_single_bit(options.blob_alignment))
    return fail(fmt::format("The alignment of blobs ({}) must be a power of two.", options.blob_alignment));
  return std::unique_ptr<Device>(new Device(std::move(options), memory, contexts, display));
}

Device::Device(DeviceOptions options, const GuestMemory& memory, ContextHost& contexts, Display& display)
    : options_(std::move(options)),
      memory_(memory),
      context_host_(contexts),
      display_(display),
      uuid_seed_(random_seed()),
      host_memory_(options_.max_host_memory),
      outputs_(options_.outputs),
      window_(options_.window_size, options_.window_granularity),
      scanouts_(display),
      resources_(memory, options_.max_resources) {}

Device::~Device() { reset(); }

std::uint64_t Device::features() const noexcept {
  std::uint64_t bits = VIRTIO_GPU_F_EDID | VIRTIO_GPU_F_RESOURCE_UUID | VIRTIO_GPU_F_RESOURCE_BLOB;
  if (!context_host_.capsets().empty()) bits |= VIRTIO_GPU_F_VIRGL | VIRTIO_GPU_F_CONTEXT_INIT;
  if (options_.blob_alignment != 0) bits |= VIRTIO_GPU_F_BLOB_ALIGNMENT;
  return bits;
}

void Device::read_config(std::uint32_t offset, std::span<std::byte> to) const noexcept {
  const virtio_gpu_config config{
      .events_read = outputs_.events(),
      .events_clear = 0,
      .num_scanouts = outputs_.count(),
      .num_capsets = static_cast<std::uint32_t>(context_host_.capsets().size()),
      .blob_alignment = options_.blob_alignment,
  };
  const auto bytes = std::as_bytes(std::span(&config, 1));
  std::ranges::fill(to, std::byte{0});
  if (offset < bytes.size())
    std::ranges::copy(bytes.subspan(offset, std::min(to.size(), bytes.size() - offset)), to.begin());
}

void Device::write_config(std::uint32_t offset, std::span<const std::byte> from) {
  constexpr std::uint32_t kAt = offsetof(virtio_gpu_config, events_clear);
  std::uint32_t events = 0;
  for (std::uint32_t i = 0; i < sizeof(events); ++i) {
    const std::uint32_t at = kAt + i;
    if (at >= offset && at - offset < from.size())
      events |= std::to_integer<std::uint32_t>(from[at - offset]) << (8 * i);
  }
  if (outputs_.clear_events(events)) options_.config_changed();
}

Result<void> Device::set_output(std::uint32_t scanout, Output output) {
  if (scanout >= outputs_.count())
    return fail(fmt::format("There is no scanout {}; this device has {}.", scanout, outputs_.count()));
  if (auto possible = Outputs::check(output); !possible) return possible;
  if (outputs_.set(scanout, std::move(output))) options_.config_changed();
  return {};
}

void Device::handle(Request request) {
  ++activity_.commands;
  Reply reply{.responder = std::move(request.responder), .room = request.room};
  Call call{.header = {}, .bytes = request.bytes};
  if (request.bytes.size() < sizeof(call.header)) {
    // Without a header there is nothing to repeat, and no fence.
    return reply.send({.type = VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER, .payload = {}});
  }
  std::memcpy(&call.header, request.bytes.data(), sizeof(call.header));
  call.header.flags &= VIRTIO_GPU_FLAG_FENCE | (has(VIRTIO_GPU_F_CONTEXT_INIT) ? VIRTIO_GPU_FLAG_INFO_RING_IDX : 0);
  if ((call.header.flags & VIRTIO_GPU_FLAG_FENCE) != 0) {
    reply.flags = call.header.flags;
    reply.fence_id = call.header.fence_id;
    reply.ctx_id = call.header.ctx_id;
    reply.ring_idx = call.header.ring_idx;
    reply.arrived = Work::Clock::now();
  }
  const auto* found = std::ranges::find(commands(), call.header.type, &Command::type).base();
  const Command* command = found == commands().data() + commands().size() ? nullptr : found;
  Answer<Response> answer = execute(command, request.queue, call);
  if (!answer) note(answer.error(), command);
  finish(call, std::move(answer), std::move(reply));
}

Answer<Response> Device::execute(const Command* command, Queue queue, Call& call) {
  if (command == nullptr)
    return refuse(VIRTIO_GPU_RESP_ERR_UNSPEC, fmt::format("Command {:#x} is unknown.", call.header.type));
  if ((command->type >= VIRTIO_GPU_CMD_UPDATE_CURSOR) != (queue == Queue::cursor))
    return refuse(VIRTIO_GPU_RESP_ERR_UNSPEC, "It belongs on the other queue.");
  if (command->feature != 0 && !has(command->feature))
    return refuse(VIRTIO_GPU_RESP_ERR_UNSPEC, fmt::format("It needs feature bit {}, which was not negotiated.",
                                                          std::countr_zero(command->feature)));
  if (call.bytes.size() < command->size)
    return refuse(VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER,
                  fmt::format("It has {} bytes of {}.", call.bytes.size(), command->size));
  if ((call.header.flags & VIRTIO_GPU_FLAG_INFO_RING_IDX) != 0 && call.header.ring_idx >= VIRTIO_GPU_RING_COUNT)
    return refuse(VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER,
                  fmt::format("ring_idx {} is not below {}.", call.header.ring_idx, VIRTIO_GPU_RING_COUNT));
  return (this->*command->handle)(call);
}

void Device::note(const Refusal& refusal, const Command* command) {
  const std::string_view name = command != nullptr ? command->name : "virtio-gpu";
  if (refusal.fault == Fault::host) {
    complaints_.complain(fmt::format("{}: {}", name, refusal.reason));
  } else {
    log::debug("{}: {}", name, refusal.reason);
  }
}

void Device::finish(Call& call, Answer<Response> answer, Reply reply) {
  const bool has_fence = (call.header.flags & VIRTIO_GPU_FLAG_FENCE) != 0;
  const bool on_ring = (call.header.flags & VIRTIO_GPU_FLAG_INFO_RING_IDX) != 0;
  Response response = answer ? std::move(*answer) : Response{.type = answer.error().type, .payload = {}};
  Cookie owner{0};
  // What a context does ends when the context says so; all else has ended when its handler returns.
  if (has_fence && answer && !call.wait_for && (on_ring || call.header.type == VIRTIO_GPU_CMD_SUBMIT_3D)) {
    const auto at = contexts_.find(call.context());
    if (at != contexts_.end() && at->second.host && !at->second.lost) {
      Context& context = at->second;
      owner = context.cookie;
      const std::uint8_t ring_idx = on_ring ? call.header.ring_idx : std::uint8_t{0};
      call.wait_for = [&context, ring_idx](Cookie cookie) { context.host->fence(ring_idx, cookie); };
    }
  }
  if (!has_fence && !call.wait_for) return reply.send(response);

  const Cookie cookie = next_cookie();
  const Timeline timeline = !has_fence ? Timelines::alone(cookie)
                            : on_ring  ? Timelines::of(call.context(), call.header.ring_idx)
                                       : Timelines::global();
  const auto state = call.wait_for ? Timelines::State::waits : Timelines::State::ready;
  timelines_.add(timeline, cookie, owner, state, std::move(reply), std::move(response));
  if (call.wait_for) call.wait_for(cookie);
}

void Device::fence_reached(Cookie cookie) {
  if (const auto arrived = timelines_.arrived(cookie))
    newest_work_ = {.submitted = *arrived, .done = Work::Clock::now()};
  static_cast<void>(timelines_.ready(cookie));
}

void Device::reset() {
  timelines_.clear();
  mappings_.clear();
  scanouts_.clear();
  for (std::uint32_t scanout = 0; scanout < outputs_.count(); ++scanout) display_.set_cursor(scanout, nullptr, {});
  contexts_.clear();
  resources_.for_each([this](Resource& resource) { unmap(resource); });
  resources_.clear();
  outputs_.reset();
  newest_work_ = {};
  features_ = 0;
}

Device::Counts Device::counts() const noexcept {
  return {.resources = resources_.size(),
          .contexts = contexts_.size(),
          .mapped_blobs = window_.count(),
          .waiting_requests = timelines_.waiting(),
          .host_memory = host_memory_.used()};
}

}  // namespace hesper::gpu
