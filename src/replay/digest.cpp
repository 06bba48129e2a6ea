// Digest: hashes, and the list of replies that vary.
#include "replay/digest.h"

#include <utility>

#include "base/hash.h"

namespace hesper::replay {
namespace {

std::uint64_t seed(render::StreamNumber stream, std::uint64_t place) noexcept {
  return (std::uint64_t{stream} << 48) ^ place;
}

}  // namespace

bool reply_is_stable(wire::CommandType type) noexcept {
  using enum wire::CommandType;
  switch (type) {
    // What is finished by now.
    case vkGetFenceStatus:
    case vkGetEventStatus:
    case vkGetSemaphoreCounterValue:
    case vkWaitForFences:
    case vkWaitSemaphores:
    case vkGetQueryPoolResults:  // and time stamps
    // Times and free memory.
    case vkGetCalibratedTimestampsKHR:
    case vkGetPhysicalDeviceMemoryProperties2:
    case vkGetDeviceMemoryCommitment:
    // Addresses.
    case vkGetBufferDeviceAddress:
    case vkGetBufferOpaqueCaptureAddress:
    case vkGetDeviceMemoryOpaqueCaptureAddress:
    case vkGetAccelerationStructureDeviceAddressKHR:
    // Bytes of the driver's own, which may hold any of these.
    case vkGetPipelineCacheData:
    case vkGetRayTracingShaderGroupHandlesKHR:
    case vkGetRayTracingCaptureReplayShaderGroupHandlesKHR: return false;
    default: return true;
  }
}

bool replies_address(wire::CommandType type) noexcept {
  using enum wire::CommandType;
  return type == vkGetBufferDeviceAddress || type == vkGetAccelerationStructureDeviceAddressKHR ||
         type == vkGetRayTracingShaderGroupHandlesKHR;
}

std::uint64_t reply_hash(wire::CommandType type, std::span<const std::byte> reply) noexcept {
  return reply_is_stable(type) ? hash64(reply, std::to_underlying(type)) : hash64({}, reply.size());
}

void Digest::add_command(render::StreamNumber stream, std::span<const std::byte> bytes) noexcept {
  if (stream >= streams_.size()) return;
  const std::uint64_t place = streams_[stream].commands.fetch_add(1, std::memory_order_relaxed);
  commands_.fetch_add(hash64(bytes, seed(stream, place)), std::memory_order_relaxed);
}

void Digest::add_reply(render::StreamNumber stream, std::uint64_t hash) noexcept {
  if (stream >= streams_.size()) return;
  const std::uint64_t place = streams_[stream].replies.fetch_add(1, std::memory_order_relaxed);
  const std::array words{hash};
  replies_.fetch_add(hash64(std::as_bytes(std::span(words)), seed(stream, place)), std::memory_order_relaxed);
}

capture::Totals Digest::totals() const noexcept {
  capture::Totals totals{.command_digest = commands_.load(std::memory_order_relaxed),
                         .reply_digest = replies_.load(std::memory_order_relaxed)};
  for (const Count& count : streams_) {
    totals.commands += count.commands.load(std::memory_order_relaxed);
    totals.replies += count.replies.load(std::memory_order_relaxed);
  }
  return totals;
}

}  // namespace hesper::replay
