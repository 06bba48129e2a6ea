// hesper replay: has a worker replay a capture, and writes the pictures that it hands over.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>

#include "supervisor/worker_program.h"

namespace hesper::cli {

struct ReplayOptions {
  std::filesystem::path file;
  bool pixels = false;
  bool json = false;
  std::size_t repeat = 1;
  std::optional<std::uint64_t> until;
  std::optional<std::filesystem::path> dump_images;  // a folder, which is made
  supervisor::WorkerChoices worker;
};

// Returns the worker's exit status (worker_replay.h), 128 + N if signal N ended it, 1 if it cannot start. Errors are
// logged.
[[nodiscard]] int replay(const char* argv0, const ReplayOptions& options);

}  // namespace hesper::cli
