// Finding hesper-render and asking it about the host.
#include "supervisor/worker_program.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <optional>

#include "base/log.h"
#include "platform/process.h"

namespace hesper::supervisor {
namespace {

// Waits for a worker that only looks at the host; what it prints goes to standard error. Nothing: it cannot be started.
std::optional<platform::ChildState> run_probe(const WorkerProgram& worker, const char* option) {
  platform::SpawnOptions spawn{
      .program = worker.path.native(),
      .arguments = {worker.path.native(), option},
      .environment = worker.environment,
      .fds = {{.fd = STDERR_FILENO, .number = STDOUT_FILENO}},
  };
  spawn.arguments.insert(spawn.arguments.end(), worker.options.begin(), worker.options.end());
  const auto child = platform::spawn(spawn);
  if (!child) {
    log::error("{}", child.error().message);
    return std::nullopt;
  }
  return platform::wait_for_child(*child);
}

}  // namespace

std::string worker_name(Door door, std::uint64_t number) {
  return fmt::format("{} {}", door == Door::link ? "context" : "client", number);
}

Result<WorkerProgram> find_worker(const char* argv0, const WorkerChoices& choices,
                                  std::vector<std::string> environment) {
  auto folder = platform::own_directory(argv0);
  if (!folder) return std::unexpected(std::move(folder.error()));
  WorkerProgram worker{.path = *folder / "hesper-render",
                       .options = {},
                       .environment = std::move(environment),
                       .capture = choices.capture};
  if (::access(worker.path.c_str(), X_OK) != 0)
    return fail(fmt::format("'{}' is missing. Both programs belong into one folder: build or install Hesper again.",
                            worker.path.native()),
                ENOENT);
  if (choices.host_driver && ::access(choices.host_driver->c_str(), R_OK) != 0)
    return fail_errno(fmt::format("The host driver '{}' is not readable", choices.host_driver->native()), errno);

  if (!choices.memory.empty()) worker.options.insert(worker.options.end(), {"--memory", choices.memory});
  if (choices.memory_budget) {
    worker.options.insert(worker.options.end(), {"--memory-budget", std::to_string(*choices.memory_budget)});
  }
  if (choices.import_granularity)
    worker.options.insert(worker.options.end(), {"--import-granularity", std::to_string(*choices.import_granularity)});
  if (choices.emulate_dma_buf) worker.options.emplace_back("--emulate-dma-buf");
  if (choices.validate) worker.options.emplace_back("--validate");
  if (choices.verbose) worker.options.emplace_back("--verbose");
  if (!choices.sandbox.empty()) worker.options.insert(worker.options.end(), {"--sandbox", choices.sandbox});
  if (choices.require_sandbox) worker.options.emplace_back("--require-sandbox");
  const auto add_number = [&](const char* option, std::uint64_t value) {
    worker.options.insert(worker.options.end(), {option, std::to_string(value)});
  };
  if (choices.address_space) add_number("--address-space", *choices.address_space);
  if (choices.max_fds) add_number("--max-fds", *choices.max_fds);
  if (!choices.shader_cache.empty()) {
    std::error_code error;
    std::filesystem::create_directories(choices.shader_cache, error);
    if (error)
      return fail_errno(fmt::format("Making the folder '{}' fails", choices.shader_cache.native()), error.value());
    worker.options.insert(worker.options.end(),
                          {"--shader-cache", std::filesystem::absolute(choices.shader_cache, error).native()});
  }
  if (choices.nice != 0) add_number("--nice", static_cast<std::uint64_t>(choices.nice));
  return worker;
}

bool memory_can_be_moved(const WorkerProgram& worker) {
  const auto end = run_probe(worker, "--probe-moving");
  return end && end->kind == platform::ChildState::Kind::exited && end->value == 0;
}

void print_probe(const WorkerProgram& worker) {
  const auto end = run_probe(worker, "--probe");
  if (end && end->kind == platform::ChildState::Kind::killed)
    log::error("The host's Vulkan driver ends the probe by signal {}.", end->value);
}

}  // namespace hesper::supervisor
