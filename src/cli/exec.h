// hesper exec: runs a program with Venus as its only Vulkan driver, served by workers of ours.
#pragma once

#include <string>
#include <vector>

#include "supervisor/supervisor.h"
#include "supervisor/worker_program.h"

namespace hesper::cli {

struct ExecOptions {
  std::vector<std::string> command;  // program and arguments; not empty
  std::string venus_icd;             // manifest; empty: search the loader's folders
  bool low_latency = false;          // see client_environment()
  supervisor::Limits limits;
  supervisor::WorkerChoices worker;
};

// Hesper's own exit statuses, those of env(1) and timeout(1).
inline constexpr int kExitHesperFailed = 125;
inline constexpr int kExitNotExecutable = 126;
inline constexpr int kExitNotFound = 127;

// Returns the program's exit status, 128 + N if signal N ended it, or one of the above. Errors are logged.
[[nodiscard]] int exec(const char* argv0, const ExecOptions& options);

}  // namespace hesper::cli
