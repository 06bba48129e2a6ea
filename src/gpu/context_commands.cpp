// Commands about contexts. What they submit is handed over unread.
#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <utility>

#include "gpu/device.h"

namespace hesper::gpu {
namespace {

// What the guest calls a context, fit for log lines.
std::string printable(const std::array<char, 64>& text, std::uint32_t length) {
  const auto end = text.begin() + static_cast<std::ptrdiff_t>(std::min<std::size_t>(length, text.size()));
  std::string result(text.begin(), std::find(text.begin(), end, '\0'));
  std::ranges::replace_if(result, [](char c) { return c < ' ' || c > '~'; }, '?');
  return result;
}

}  // namespace

Answer<Response> Device::get_capset_info(Call& call) {
  const auto command = call.as<virtio_gpu_get_capset_info>();
  const auto capsets = context_host_.capsets();
  if (command.capset_index >= capsets.size())
    return refuse(VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER, fmt::format("There is no capset {}.", command.capset_index));
  const Capset& capset = capsets[command.capset_index];
  virtio_gpu_resp_capset_info info{};
  info.capset_id = capset.id;
  info.capset_max_version = capset.max_version;
  info.capset_max_size = static_cast<std::uint32_t>(capset.bytes.size());
  return response_of(VIRTIO_GPU_RESP_OK_CAPSET_INFO, info);
}

Answer<Response> Device::get_capset(Call& call) {
  const auto command = call.as<virtio_gpu_get_capset>();
  const auto capsets = context_host_.capsets();
  const auto found = std::ranges::find(capsets, command.capset_id, &Capset::id);
  if (found == capsets.end() || command.capset_version > found->max_version)
    return refuse(VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER,
                  fmt::format("There is no capset {} of version {}.", command.capset_id, command.capset_version));
  return Response{.type = VIRTIO_GPU_RESP_OK_CAPSET, .payload = {found->bytes.begin(), found->bytes.end()}};
}

Answer<Response> Device::ctx_create(Call& call) {
  const auto command = call.as<virtio_gpu_ctx_create>();
  const ContextId id = call.context();
  if (id == ContextId{0}) return refuse(VIRTIO_GPU_RESP_ERR_INVALID_CONTEXT_ID, "Context id 0 means none.");
  if (contexts_.contains(id))
    return refuse(VIRTIO_GPU_RESP_ERR_INVALID_CONTEXT_ID,
                  fmt::format("Context {} exists already.", call.header.ctx_id));
  // Before CONTEXT_INIT the field was padding.
  const std::uint32_t context_init = has(VIRTIO_GPU_F_CONTEXT_INIT) ? command.context_init : 0;
  const std::uint32_t capset = context_init & VIRTIO_GPU_CONTEXT_INIT_CAPSET_ID_MASK;
  if (context_init != capset)
    return refuse(VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER, fmt::format("context_init {:#x} is unknown.", context_init));
  if (capset != 0 && std::ranges::find(context_host_.capsets(), capset, &Capset::id) == context_host_.capsets().end())
    return refuse(VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER, fmt::format("Capset {} is not offered.", capset));
  if (contexts_.size() >= options_.max_contexts)
    return cannot(VIRTIO_GPU_RESP_ERR_OUT_OF_MEMORY,
                  fmt::format("{} contexts exist, the limit.", options_.max_contexts));

  Context context{.cookie = next_cookie(), .host = nullptr};
  // Without a capset the choice is ours. Linux makes such contexts for whoever draws without Vulkan, its console for
  // one; they submit nothing, so they get nobody to submit to.
  const Cookie cookie = context.cookie;
  const auto at = contexts_.emplace(id, std::move(context)).first;
  if (capset == 0) return Response{};
  const std::string name = printable(command.debug_name, command.nlen);
  auto host = context_host_.create({.id = id, .capset = capset, .name = name, .cookie = cookie});
  if (!host) {
    contexts_.erase(at);
    return cannot(VIRTIO_GPU_RESP_ERR_OUT_OF_MEMORY, std::move(host.error().message));
  }
  at->second.host = std::move(*host);
  return Response{};
}

Answer<Device::Context*> Device::find_context(ContextId id) {
  const auto at = contexts_.find(id);
  if (at == contexts_.end())
    return refuse(VIRTIO_GPU_RESP_ERR_INVALID_CONTEXT_ID,
                  fmt::format("Context {} does not exist.", std::to_underlying(id)));
  return &at->second;
}

Answer<Device::Context*> Device::find_working_context(ContextId id) {
  auto context = find_context(id);
  if (!context) return context;
  if ((*context)->lost)
    return refuse(VIRTIO_GPU_RESP_ERR_UNSPEC, fmt::format("Context {} is lost.", std::to_underlying(id)));
  if (!(*context)->host)
    return cannot(VIRTIO_GPU_RESP_ERR_UNSPEC,
                  fmt::format("Context {} was made without a capset; there is nobody to execute what it submits. The "
                              "guest needs Mesa's Venus driver.",
                              std::to_underlying(id)));
  return context;
}

Answer<Response> Device::ctx_destroy(Call& call) {
  auto context = find_context(call.context());
  if (!context) return std::unexpected(std::move(context.error()));
  // Its blobs live on, mapped ones too: other programs may have them, and the guest frees those of its own later.
  (*context)->host.reset();
  while (!(*context)->resources.empty()) {
    auto resource = resources_.find((*context)->resources.begin()->first);
    detach(call.context(), **resource);
  }
  const Cookie cookie = (*context)->cookie;
  contexts_.erase(call.context());
  // There is no work left that they could wait for.
  timelines_.release(cookie, nullptr);
  return Response{};
}

Answer<Response> Device::ctx_attach_resource(Call& call) {
  const auto command = call.as<virtio_gpu_resource_command>();
  auto context = find_context(call.context());
  if (!context) return std::unexpected(std::move(context.error()));
  auto found = resources_.find(ResourceId{command.resource_id});
  if (!found) return std::unexpected(std::move(found.error()));
  Resource& resource = **found;
  if ((*context)->resources.contains(resource.id)) return Response{};  // Linux does so
  constexpr std::uint64_t kCost = 64;                                  // bytes, or so
  Budget::Charge charge(host_memory_, kCost);
  if (!charge)
    return cannot(VIRTIO_GPU_RESP_ERR_OUT_OF_MEMORY, "No memory is left to note what is attached to which context.");
  (*context)->resources.emplace(resource.id, std::move(charge));
  resource.contexts.push_back(call.context());
  if ((*context)->host) {
    const Blob* blob = resource.blob();
    (*context)->host->attach(
        {.id = resource.id,
         .size = resource.size(),
         .blob = blob != nullptr ? blob->host.get() : nullptr,
         .backing = resource.backing ? resource.backing->entries() : std::span<const virtio_gpu_mem_entry>()});
  }
  return Response{};
}

Answer<Response> Device::ctx_detach_resource(Call& call) {
  const auto command = call.as<virtio_gpu_resource_command>();
  auto context = find_context(call.context());
  if (!context) return std::unexpected(std::move(context.error()));
  auto resource = resources_.find(ResourceId{command.resource_id});
  if (!resource) return std::unexpected(std::move(resource.error()));
  if ((*context)->resources.contains((*resource)->id)) detach(call.context(), **resource);
  return Response{};
}

void Device::detach(ContextId id, Resource& resource) {
  Context& context = contexts_.at(id);
  context.resources.erase(resource.id);
  std::erase(resource.contexts, id);
  if (context.host) context.host->detach(resource.id);
}

Answer<Response> Device::submit_3d(Call& call) {
  const auto command = call.as<virtio_gpu_cmd_submit>();
  const auto commands = call.after<virtio_gpu_cmd_submit>();
  if (command.size > commands.size())
    return refuse(VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER,
                  fmt::format("{} bytes of commands are announced, and {} came.", command.size, commands.size()));
  if (command.size > options_.max_submit_size)
    return cannot(VIRTIO_GPU_RESP_ERR_OUT_OF_MEMORY,
                  fmt::format("{} bytes of commands at once are refused; the limit is {}.", command.size,
                              options_.max_submit_size));
  auto context = find_context(call.context());
  if (!context) return std::unexpected(std::move(context.error()));
  if (command.size == 0 && !(*context)->lost) return Response{};  // all there is to it is its fence
  context = find_working_context(call.context());
  if (!context) return std::unexpected(std::move(context.error()));
  if (auto taken = (*context)->host->submit(commands.first(command.size)); !taken)
    return cannot(VIRTIO_GPU_RESP_ERR_UNSPEC, std::move(taken.error().message));
  ++activity_.submissions;
  activity_.submitted_bytes += command.size;
  return Response{};
}

Answer<Response> Device::refuse_3d(Call& /*call*/) {
  return cannot(VIRTIO_GPU_RESP_ERR_UNSPEC,
                "Classic 3D resources belong to capsets virgl and virgl2, which are not offered.");
}

void Device::context_lost(Cookie cookie) {
  const auto at = std::ranges::find(contexts_, cookie, [](const auto& entry) { return entry.second.cookie; });
  if (at == contexts_.end() || at->second.lost) return;
  at->second.lost = true;
  complaints_.complain(fmt::format("Context {} is lost; what it submits is refused.", std::to_underlying(at->first)));
  const Response failed{.type = VIRTIO_GPU_RESP_ERR_UNSPEC, .payload = {}};
  timelines_.release(cookie, &failed);
}

}  // namespace hesper::gpu
