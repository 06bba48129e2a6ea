// hesper exec. The program runs in our process group, so that the terminal's signals, stops and its foreground reach it
// as if we were not there; we pass on only what was sent to us alone.
#include "cli/exec.h"

#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <optional>

#include "base/log.h"
#include "cli/environment.h"
#include "cli/private_directory.h"
#include "cli/venus_icd.h"
#include "platform/event_loop.h"
#include "platform/process.h"
#include "platform/signals.h"
#include "platform/socket.h"
#include "supervisor/supervisor.h"

namespace hesper::cli {
namespace {

constexpr std::array kSignals = {SIGCHLD, SIGCONT, SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2};

Result<std::string> venus_icd(const ExecOptions& options, const Environment& environment) {
  if (options.venus_icd.empty()) return find_venus_icd(icd_directories(environment));
  if (::access(options.venus_icd.c_str(), R_OK) != 0)
    return fail_errno(fmt::format("The Venus driver manifest '{}' is not readable", options.venus_icd), errno);
  return options.venus_icd;
}

int cannot_run(const std::string& program, const Error& error) {
  if (error.code == ENOENT) {
    log::error("The program '{}' is not found.", program);
    return kExitNotFound;
  }
  log::error("{}", error.message);
  return kExitNotExecutable;
}

void forward(pid_t program, std::span<const platform::ReceivedSignal> received) {
  for (const auto& signal : received)
    if (signal.number != SIGCHLD && signal.from_process) ::kill(program, signal.number);
}

// The exit status to pass on, once the program has one.
std::optional<int> status_of(pid_t program) {
  const auto state = platform::check_child(program);
  switch (state.kind) {
    case platform::ChildState::Kind::running:
    case platform::ChildState::Kind::continued: return std::nullopt;
    case platform::ChildState::Kind::exited: return state.value;
    case platform::ChildState::Kind::killed: return 128 + state.value;
    case platform::ChildState::Kind::stopped:
      // So that the shell sees its job stop. Its SIGCONT reaches both of us.
      ::kill(::getpid(), SIGSTOP);
      return std::nullopt;
  }
  return std::nullopt;
}

Result<int> run(const char* argv0, const ExecOptions& options) {
  const Environment environment = Environment::of_this_process();
  auto icd = venus_icd(options, environment);
  if (!icd) return std::unexpected(std::move(icd.error()));
  auto worker = supervisor::find_worker(
      argv0, options.worker,
      worker_environment(environment, options.worker.host_driver, options.worker.pass_environment).entries());
  if (!worker) return std::unexpected(std::move(worker.error()));
  if (options.worker.verbose) supervisor::print_probe(*worker);

  const bool sigpipe_was_ignored = platform::ignore_broken_pipes();
  auto signals = platform::SignalPipe::install(kSignals);
  if (!signals) return std::unexpected(std::move(signals.error()));
  auto directory = PrivateDirectory::create(environment);
  if (!directory) return std::unexpected(std::move(directory.error()));
  auto listener = platform::Listener::at(directory->path() / "vtest");
  if (!listener) return std::unexpected(std::move(listener.error()));
  auto loop = platform::EventLoop::create();
  if (!loop) return std::unexpected(std::move(loop.error()));
  auto served = supervisor::Supervisor::create(**loop, *signals, std::move(*worker), options.limits);
  if (!served) return std::unexpected(std::move(served.error()));
  (*served)->accept_from(*listener);

  const auto program = platform::spawn({
      .program = options.command.front(),
      .arguments = options.command,
      .environment = client_environment(environment, *icd, listener->path(), options.low_latency).entries(),
      .fds = {},
      .default_sigpipe = !sigpipe_was_ignored,
  });
  if (!program) return cannot_run(options.command.front(), program.error());
  return (*served)->run([&](std::span<const platform::ReceivedSignal> received) {
    forward(*program, received);
    return status_of(*program);
  });
}

}  // namespace

int exec(const char* argv0, const ExecOptions& options) {
  const auto status = run(argv0, options);
  if (status) return *status;
  log::error("{}", status.error().message);
  return kExitHesperFailed;
}

}  // namespace hesper::cli
