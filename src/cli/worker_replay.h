// What hesper-render does for `hesper replay`: replays a capture and prints what came out, to standard output.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/unique_fd.h"
#include "render/context.h"

namespace hesper::cli {

struct WorkerReplayOptions {
  render::MemoryStrategy memory = render::MemoryStrategy::automatic;
  std::uint64_t memory_budget = render::ContextOptions{}.memory_budget;
  bool validate = false;
  std::uint64_t until = UINT64_MAX;
  std::size_t repeat = 1;
  bool pixels = false;
  bool json = false;
  int pictures = -1;  // fd, borrowed: the first replay's pictures go there, a socket, see supervisor/picture_pipe.h
};

// capture: open for reading. Returns the exit status: 0; 1 if the capture cannot be replayed to its end or its commands
// are not those that were recorded. Errors and warnings are logged.
[[nodiscard]] int replay_capture(UniqueFd capture, const WorkerReplayOptions& options);

}  // namespace hesper::cli
