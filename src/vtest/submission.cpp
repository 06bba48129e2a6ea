// parse_submission: all sums in 64 bits, so that no client value can wrap around.
#include "vtest/submission.h"

#include <fmt/format.h>

#include "render/context.h"
#include "vtest/protocol.h"

namespace hesper::vtest {
namespace {

// Words [offset, offset + count) of the payload.
Result<std::span<const std::uint32_t>> slice(std::span<const std::uint32_t> payload, const char* what,
                                             std::uint64_t offset, std::uint64_t count) {
  if (count == 0) return std::span<const std::uint32_t>();
  if (offset + count > payload.size())
    return fail(fmt::format("{} words of {} at word {} lie outside the message's {} words.", count, what, offset,
                            payload.size()));
  return payload.subspan(offset, count);
}

Result<Batch> parse_batch(std::span<const std::uint32_t> payload, std::span<const std::uint32_t> header) {
  const std::uint32_t flags = header[0];
  if ((flags & ~kBatchRingIdx) != 0) return fail(fmt::format("Batch flags {:#x} are not supported.", flags));
  if (header.size() > 6 && (header[6] != 0 || header[7] != 0)) return fail("DRM sync objects are not supported.");

  Batch batch;
  auto commands = slice(payload, "commands", header[1], header[2]);
  if (!commands) return std::unexpected(std::move(commands.error()));
  batch.commands = *commands;
  auto syncs = slice(payload, "syncs", header[3], std::uint64_t{header[4]} * kSyncPointWords);
  if (!syncs) return std::unexpected(std::move(syncs.error()));
  batch.syncs = *syncs;
  if ((flags & kBatchRingIdx) != 0) {
    if (header[5] >= render::kTimelineCount)
      return fail(fmt::format("Ring index {} is not below {}.", header[5], render::kTimelineCount));
    batch.ring_idx = header[5];
  }
  return batch;
}

}  // namespace

Result<std::vector<Batch>> parse_submission(std::span<const std::uint32_t> payload, std::size_t header_words) {
  if (payload.empty()) return fail("The batch count is missing.");
  const std::uint64_t count = payload[0];
  if (1 + count * header_words > payload.size())
    return fail(fmt::format("{} batch headers do not fit into {} words.", count, payload.size()));
  std::vector<Batch> batches;
  batches.reserve(count);
  for (std::size_t i = 0; i < count; ++i) {
    auto batch = parse_batch(payload, payload.subspan(1 + i * header_words, header_words));
    if (!batch) return std::unexpected(std::move(batch.error()));
    batches.push_back(*batch);
  }
  return batches;
}

}  // namespace hesper::vtest
