// The payload of submit_cmd2, checked and cut into batches. Executes nothing.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "base/error.h"

namespace hesper::vtest {

struct Batch {
  std::span<const std::uint32_t> commands;  // Venus commands; may be empty
  std::span<const std::uint32_t> syncs;     // triples: id, value low, value high
  std::optional<std::uint32_t> ring_idx;    // below render::kTimelineCount; none: the syncs are due at once
};

// payload: private copy, hostile; the batches refer to it. header_words: see batch_words().
// Errors: whatever lies outside the payload, and flags that only native contexts use.
[[nodiscard]] Result<std::vector<Batch>> parse_submission(std::span<const std::uint32_t> payload,
                                                          std::size_t header_words);

}  // namespace hesper::vtest
