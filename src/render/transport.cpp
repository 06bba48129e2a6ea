// The VK_MESA_venus_protocol commands that move commands and replies: reply streams, nested streams, rings and the
// order between rings and the context stream. Spec of each: docs/wire.md.
#include <cstring>
#include <memory>
#include <utility>
#include <vector>

#include "render/client_context.h"
#include "render/handlers_gen.h"
#include "render/stream.h"

namespace hesper::render {
namespace {

// Commands for the context stream only (a ring would join or wait for itself), and for rings only.
bool on_context_stream(CommandStream& stream, wire::CommandType type) {
  if (stream.ring() == nullptr) return true;
  stream.refuse(type, "This command belongs on the context stream, not on a ring.");
  return false;
}

Ring* ring_of(CommandStream& stream, wire::CommandType type, std::uint64_t id) {
  if (!on_context_stream(stream, type)) return nullptr;
  Ring* ring = stream.context().find_ring(id);
  if (ring == nullptr) stream.refuse(type, "The ring is unknown.");
  return ring;
}

}  // namespace

void on_vkSetReplyCommandStreamMESA(CommandStream& stream, wire::vkSetReplyCommandStreamMESA_args& args) {
  const auto resource = stream.context().resources().find(ResourceId{args.pStream->resourceId});
  if (resource == nullptr || !resource->holds_streams() ||
      !stream.set_reply_target(resource, args.pStream->offset, args.pStream->size)) {
    stream.refuse(args.kType, "The reply stream is not a range of shared memory of this context, or cannot be mapped.");
  }
}

void on_vkSeekReplyCommandStreamMESA(CommandStream& stream, wire::vkSeekReplyCommandStreamMESA_args& args) {
  if (!stream.seek_reply(args.position)) stream.refuse(args.kType, "The position lies outside the reply stream.");
}

void on_vkExecuteCommandStreamsMESA(CommandStream& stream, wire::vkExecuteCommandStreamsMESA_args& args) {
  struct Part {
    ResourceId id;
    std::shared_ptr<Resource> resource;
    std::size_t offset;
    std::size_t size;
    std::size_t reply_position;
  };
  if (stream.nested()) return stream.refuse(args.kType, "Nested streams cannot nest again.");
  if (args.streamCount == 0) return stream.refuse(args.kType, "There is no stream.");

  // The inner commands reuse the arena that args lies in, so everything needed later is copied out of it first.
  const bool seeks = args.pReplyPositions != nullptr;
  std::vector<Part> parts;
  std::size_t total = 0;
  for (std::uint32_t i = 0; i < args.streamCount; ++i) {
    const wire::VkCommandStreamDescriptionMESA& description = args.pStreams[i];
    auto resource = stream.context().resources().find(ResourceId{description.resourceId});
    if (resource == nullptr || !resource->holds_streams() || description.offset > resource->size ||
        description.size > resource->size - description.offset || description.size % 4 != 0) {
      return stream.refuse(args.kType, "A stream is not a range of shared memory of this context.");
    }
    total += description.size;  // cannot overflow: both are at most the limit and a resource's size
    if (total > stream.context().options().decoder_limit) {
      return stream.refuse(args.kType, "The streams are larger than the decoder's memory limit.");
    }
    parts.push_back({.id = ResourceId{description.resourceId},
                     .resource = std::move(resource),
                     .offset = description.offset,
                     .size = description.size,
                     .reply_position = seeks ? args.pReplyPositions[i] : 0});
  }
  const Budget::Charge charge(stream.context().budget(), total);
  if (!charge) return stream.refuse(args.kType, "The memory budget has no room for the streams.");
  // Copied once: the client could change its memory while it is decoded.
  const auto copies = std::make_unique_for_overwrite<std::byte[]>(total);
  std::byte* copy = copies.get();
  for (Part& part : parts) {
    // Let go at once: what is executed may take long, and the client may drop the resource meanwhile.
    const std::shared_ptr<Resource> resource = std::move(part.resource);
    const auto memory = resource->map();
    if (!memory) return stream.refuse(args.kType, memory.error().message);
    std::memcpy(copy, memory->data() + part.offset, part.size);
    if (stream.observer() != nullptr) {
      stream.observer()->nested_arrives(stream.number(), part.id, part.offset, {copy, part.size});
    }
    copy += part.size;
  }
  if (stream.observer() != nullptr) stream.observer()->nested_begins(stream.number());
  copy = copies.get();
  for (const Part& part : parts) {
    if (seeks && !stream.seek_reply(part.reply_position)) {
      return stream.refuse(args.kType, "A reply position lies outside the reply stream.");
    }
    if (part.size == 0) continue;
    if (!stream.execute_nested({std::exchange(copy, copy + part.size), part.size})) return;
  }
}

void on_vkCreateRingMESA(CommandStream& stream, wire::vkCreateRingMESA_args& args) {
  if (!on_context_stream(stream, args.kType)) return;
  const auto created = stream.context().create_ring(args.ring, *args.pCreateInfo);
  if (!created) stream.refuse(args.kType, created.error());
}

void on_vkDestroyRingMESA(CommandStream& stream, wire::vkDestroyRingMESA_args& args) {
  if (!on_context_stream(stream, args.kType)) return;
  const flight::WaitingScope waiting(stream.record());  // for the ring's last command
  if (!stream.context().destroy_ring(args.ring)) stream.refuse(args.kType, "The ring is unknown.");
}

void on_vkNotifyRingMESA(CommandStream& stream, wire::vkNotifyRingMESA_args& args) {
  if (Ring* ring = ring_of(stream, args.kType, args.ring); ring != nullptr) ring->wake();
}

void on_vkWriteRingExtraMESA(CommandStream& stream, wire::vkWriteRingExtraMESA_args& args) {
  Ring* ring = ring_of(stream, args.kType, args.ring);
  if (ring != nullptr && !ring->write_extra(args.offset, args.value)) {
    stream.refuse(args.kType, "The offset lies outside the ring's extra region.");
  }
}

void on_vkSubmitVirtqueueSeqnoMESA(CommandStream& stream, wire::vkSubmitVirtqueueSeqnoMESA_args& args) {
  if (Ring* ring = ring_of(stream, args.kType, args.ring); ring != nullptr) ring->submit_virtqueue_seqno(args.seqno);
}

void on_vkWaitVirtqueueSeqnoMESA(CommandStream& stream, wire::vkWaitVirtqueueSeqnoMESA_args& args) {
  if (stream.ring() == nullptr) return stream.refuse(args.kType, "This command belongs on a ring.");
  if (stream.context().options().replays) return;
  const flight::WaitingScope waiting(stream.record());
  static_cast<void>(stream.ring()->wait_virtqueue_seqno(args.seqno));  // false: the ring is about to end anyway
}

void on_vkWaitRingSeqnoMESA(CommandStream& stream, wire::vkWaitRingSeqnoMESA_args& args) {
  Ring* ring = ring_of(stream, args.kType, args.ring);
  if (ring == nullptr || stream.context().options().replays) return;
  const flight::WaitingScope waiting(stream.record());
  // Positions in a ring are 32 bits wide; the upper half of the wire's word carries nothing.
  if (ring->wait_seqno(static_cast<std::uint32_t>(args.seqno)) == Ring::Wait::unreachable) {
    stream.refuse(args.kType, "The ring is empty and ends before the seqno that is waited for.");
  }
}

}  // namespace hesper::render
