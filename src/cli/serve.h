// hesper vtest: serves vtest clients at a socket of the user's choice, until it is told to stop.
#pragma once

#include <filesystem>

#include "supervisor/supervisor.h"
#include "supervisor/worker_program.h"

namespace hesper::cli {

struct ServeOptions {
  std::filesystem::path socket;
  supervisor::Limits limits;
  supervisor::WorkerChoices worker;
};

// Returns 0 after SIGINT, SIGTERM, SIGHUP or SIGQUIT, 1 if it cannot start. Errors are logged.
[[nodiscard]] int serve(const char* argv0, const ServeOptions& options);

}  // namespace hesper::cli
