// hesper vtest.
#include "cli/serve.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdio>
#include <optional>

#include "base/log.h"
#include "base/tell.h"
#include "cli/environment.h"
#include "cli/venus_icd.h"
#include "platform/event_loop.h"
#include "platform/signals.h"
#include "platform/socket.h"
#include "supervisor/supervisor.h"

namespace hesper::cli {
namespace {

constexpr std::array kSignals = {SIGCHLD, SIGHUP, SIGINT, SIGQUIT, SIGTERM};

void print_how_to_connect(const std::filesystem::path& socket) {
  const auto icd = find_venus_icd(icd_directories(Environment::of_this_process()));
  tell("hesper: serving; start a client with\n  VK_DRIVER_FILES={} VN_DEBUG=vtest VTEST_SOCKET_NAME={} ...\n",
       icd ? *icd : "(the file virtio_icd*.json of Mesa)", std::filesystem::absolute(socket).native());
}

Result<int> run(const char* argv0, const ServeOptions& options) {
  auto worker = supervisor::find_worker(
      argv0, options.worker,
      worker_environment(Environment::of_this_process(), options.worker.host_driver, options.worker.pass_environment)
          .entries());
  if (!worker) return std::unexpected(std::move(worker.error()));
  platform::ignore_broken_pipes();
  auto signals = platform::SignalPipe::install(kSignals);
  if (!signals) return std::unexpected(std::move(signals.error()));
  auto listener = platform::Listener::at(options.socket);
  if (!listener) return std::unexpected(std::move(listener.error()));
  if (options.worker.verbose) supervisor::print_probe(*worker);
  auto loop = platform::EventLoop::create();
  if (!loop) return std::unexpected(std::move(loop.error()));
  auto served = supervisor::Supervisor::create(**loop, *signals, std::move(*worker), options.limits);
  if (!served) return std::unexpected(std::move(served.error()));
  (*served)->accept_from(*listener);
  print_how_to_connect(options.socket);
  return (*served)->run([](std::span<const platform::ReceivedSignal> received) {
    const bool stop = std::ranges::any_of(received, [](const auto& signal) { return signal.number != SIGCHLD; });
    return stop ? std::optional(0) : std::nullopt;
  });
}

}  // namespace

int serve(const char* argv0, const ServeOptions& options) {
  const auto status = run(argv0, options);
  if (status) return *status;
  log::error("{}", status.error().message);
  return 1;
}

}  // namespace hesper::cli
