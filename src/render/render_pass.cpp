// Render passes: whoever begins one gives an array for its attachments, which drivers read by the pass's count.
#include <cstring>

#include "render/chain.h"
#include "render/client_context.h"
#include "render/handlers_gen.h"
#include "render/stream.h"

namespace hesper::render {
namespace {

template <class Args, class Create>
void create(CommandStream& stream, Args& args, Create host) {
  const wire::ObjectId id = *args.pRenderPass_ids;
  if (host == nullptr) return stream.missing(args.kType);
  if (!stream.reserve(VK_OBJECT_TYPE_RENDER_PASS, id)) return;
  Device& device = device_of(args.device.state);
  args.ret = stream.tombstone() ? VK_ERROR_OUT_OF_DEVICE_MEMORY
                                : host(device.handle, args.pCreateInfo, nullptr, args.pRenderPass);
  if (args.ret < 0) return stream.failed(args.device.state, VK_OBJECT_TYPE_RENDER_PASS, id);
  {
    const std::scoped_lock lock(device.sizes_mutex);
    device.attachments.insert_or_assign(*args.pRenderPass, args.pCreateInfo->attachmentCount);
  }
  stream.created(args.device.state, VK_OBJECT_TYPE_RENDER_PASS, id, std::bit_cast<std::uint64_t>(*args.pRenderPass));
}

std::uint32_t attachments_of(Device& device, VkRenderPass render_pass) {
  const std::scoped_lock lock(device.sizes_mutex);
  const auto it = device.attachments.find(render_pass);
  return it == device.attachments.end() ? 0 : it->second;
}

// Clear values for all attachments: programs leave out those behind the last that is cleared. False (and the context is
// fatal): the views of an imageless framebuffer are too few, or there is no memory.
bool complete(CommandStream& stream, wire::CommandType type, Device& device, const VkRenderPassBeginInfo& begin) {
  const std::uint32_t attachments = attachments_of(device, begin.renderPass);
  const auto* views =
      find_in_chain<VkRenderPassAttachmentBeginInfo>(begin.pNext, VK_STRUCTURE_TYPE_RENDER_PASS_ATTACHMENT_BEGIN_INFO);
  if (views != nullptr && views->attachmentCount != 0 && views->attachmentCount < attachments) {
    stream.refuse(type, "There are fewer views than the render pass has attachments.");
    return false;
  }
  if (begin.clearValueCount >= attachments) return true;
  auto* values = stream.decoder().allocate<VkClearValue>(attachments);
  if (values == nullptr) return stream.decoded(type);
  if (begin.clearValueCount != 0) {
    std::memcpy(values, begin.pClearValues, begin.clearValueCount * sizeof(VkClearValue));
  }
  // SAFETY: the struct lies in the decoder's own memory, which is not const.
  auto& mutable_begin = const_cast<VkRenderPassBeginInfo&>(begin);
  mutable_begin.pClearValues = values;
  mutable_begin.clearValueCount = attachments;
  return true;
}

}  // namespace

void on_vkCreateRenderPass(CommandStream& stream, wire::vkCreateRenderPass_args& args) {
  create(stream, args, device_procs(args.device.state).vkCreateRenderPass);
}

void on_vkCreateRenderPass2(CommandStream& stream, wire::vkCreateRenderPass2_args& args) {
  create(stream, args, device_procs(args.device.state).vkCreateRenderPass2);
}

void on_vkDestroyRenderPass(CommandStream& stream, wire::vkDestroyRenderPass_args& args) {
  if (args.renderPass.id == 0 || !stream.destroyed(args.kType, args.renderPass) || stream.tombstone()) return;
  Device& device = device_of(args.device.state);
  {
    const std::scoped_lock lock(device.sizes_mutex);
    device.attachments.erase(args.renderPass.handle);
  }
  device.procs->vkDestroyRenderPass(device.handle, args.renderPass.handle, nullptr);
}

void on_vkCmdBeginRenderPass(CommandStream& stream, wire::vkCmdBeginRenderPass_args& args) {
  if (stream.tombstone()) return;
  Device& device = device_of(args.commandBuffer.state);
  if (!complete(stream, args.kType, device, *args.pRenderPassBegin)) return;
  device.procs->vkCmdBeginRenderPass(args.commandBuffer.handle, args.pRenderPassBegin, args.contents);
}

void on_vkCmdBeginRenderPass2(CommandStream& stream, wire::vkCmdBeginRenderPass2_args& args) {
  if (stream.tombstone()) return;
  Device& device = device_of(args.commandBuffer.state);
  if (device.procs->vkCmdBeginRenderPass2 == nullptr) return stream.missing(args.kType);
  if (!complete(stream, args.kType, device, *args.pRenderPassBegin)) return;
  device.procs->vkCmdBeginRenderPass2(args.commandBuffer.handle, args.pRenderPassBegin, args.pSubpassBeginInfo);
}

}  // namespace hesper::render
