// hesper gpu: accepts connections and hands them to hesper-gpu, of which there is one at a time, and a fresh one for
// each virtual machine; and starts the workers that it asks for. Reads nothing that QEMU or a guest sends.
#include "cli/gpu.h"

#include <fmt/format.h>
#include <sys/types.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/log.h"
#include "base/tell.h"
#include "cli/control_client.h"
#include "cli/display_mode.h"
#include "cli/environment.h"
#include "cli/gpu_process.h"
#include "platform/event_loop.h"
#include "platform/pipe.h"
#include "platform/process.h"
#include "platform/signals.h"
#include "platform/socket.h"
#include "supervisor/supervisor.h"

namespace hesper::cli {
namespace {

constexpr std::array kSignals = {SIGCHLD, SIGHUP, SIGINT, SIGQUIT, SIGTERM};

Result<platform::SpawnOptions> spawn_options(const char* argv0, const GpuOptions& options) {
  const auto folder = platform::own_directory(argv0);
  if (!folder) return std::unexpected(folder.error());
  const std::string program = (*folder / "hesper-gpu").native();
  if (::access(program.c_str(), X_OK) != 0)
    return fail(
        fmt::format("'{}' is missing. Both programs belong into one folder: build or install Hesper again.", program),
        ENOENT);
  std::vector<std::string> arguments = {program, "--orders"};
  DisplayMode mode;
  for (unsigned display = 0; display < options.displays; ++display) {
    if (display < options.modes.size()) {
      const auto parsed = parse_display_mode(options.modes[display]);
      if (!parsed) return std::unexpected(parsed.error());
      mode = *parsed;
    }
    arguments.insert(arguments.end(), {"--mode", to_string(mode)});
  }
  const auto add = [&](const char* option, std::uint64_t value) {
    arguments.insert(arguments.end(), {option, std::to_string(value)});
  };
  add("--window", options.window_size);
  if (options.host_memory) add("--host-memory", *options.host_memory);
  if (options.max_resources) add("--max-resources", *options.max_resources);
  if (options.context_queue) add("--context-queue", *options.context_queue);
  if (options.release_timeout)
    add("--release-timeout", static_cast<std::uint64_t>(*options.release_timeout * 1000));  // milliseconds
  add("--max-workers", options.limits.max_clients);
  if (!options.worker.sandbox.empty()) arguments.insert(arguments.end(), {"--sandbox", options.worker.sandbox});
  if (options.worker.require_sandbox) arguments.emplace_back("--require-sandbox");
  if (options.worker.verbose) arguments.emplace_back("--verbose");
  return platform::SpawnOptions{
      .program = program,
      .arguments = std::move(arguments),
      .environment = worker_environment(Environment::of_this_process(), std::nullopt).entries(),
      .fds = {},
      .new_session = true,
  };
}

class GpuServer {
 public:
  struct Listeners {
    platform::Listener front_end;
    platform::Listener control;
    std::vector<platform::Listener> inputs;  // by input::Kind
  };
  GpuServer(platform::EventLoop& loop, supervisor::Supervisor& workers, Listeners listeners,
            platform::SpawnOptions spawn, bool once)
      : loop_(loop),
        workers_(workers),
        listener_(std::move(listeners.front_end)),
        control_(std::move(listeners.control)),
        inputs_(std::move(listeners.inputs)),
        spawn_(std::move(spawn)),
        once_(once) {}

  Result<int> run() {
    if (auto started = start(); !started) return std::unexpected(std::move(started.error()));
    const auto control = loop_.when_readable(control_.fd(), [this] { hand_over(control_, GpuOrder::control); });
    const int status = workers_.run([this](auto received) { return on_signals(received); });
    if (child_ > 0) {
      ::kill(child_, SIGTERM);
      static_cast<void>(platform::wait_for_child(child_));
    }
    return status;
  }

 private:
  Result<void> start() {
    auto orders = platform::create_socket_pair();
    if (!orders) return std::unexpected(std::move(orders.error()));
    auto lifeline = platform::create_pipe();
    if (!lifeline) return std::unexpected(std::move(lifeline.error()));
    spawn_.fds = {{.fd = orders->second.get(), .number = kGpuOrders},
                  {.fd = lifeline->read_end.get(), .number = kGpuLifeline}};
    const auto child = platform::spawn(spawn_);
    if (!child) return std::unexpected(child.error());
    child_ = *child;
    serving_ = false;
    orders_ = std::move(orders->first);
    lifeline_ = std::move(lifeline->write_end);
    front_end_watch_ = loop_.when_readable(listener_.fd(), [this] { on_front_end(); });
    requests_watch_ = loop_.when_readable(orders_.get(), [this] { on_request(); });
    for (const input::Kind kind : input::kAllKinds) listen_for_input(kind);
    return {};
  }

  // One at a time: a further one waits among those that are not accepted.
  void listen_for_input(input::Kind kind) {
    const auto index = std::to_underlying(kind);
    input_watches_[index] = loop_.when_readable(inputs_[index].fd(), [this, kind, index] {
      if (hand_over(inputs_[index], order_of(kind))) input_watches_[index] = {};
    });
  }

  void on_request() {
    GpuRequest request;
    auto part = platform::receive_part(orders_.get(), std::as_writable_bytes(std::span(&request, 1)), kGpuWorkerFds);
    if (part.size == 0 && !part.closed) return;
    const bool whole = part.size == sizeof(request);
    if (whole && request.wish == GpuWish::input_front_end && request.number < input::kKinds)
      return listen_for_input(static_cast<input::Kind>(request.number));
    if (!whole || request.wish != GpuWish::worker || part.fds.size() != kGpuWorkerFds) {
      requests_watch_ = {};  // it ends, or it has lost its senses
      return;
    }
    std::string name(request.name.begin(), std::ranges::find(request.name, '\0'));
    std::ranges::replace_if(name, [](char c) { return c < ' ' || c > '~'; }, '?');
    workers_.serve({.id = request.number,
                    .name = std::move(name),
                    .link = std::move(part.fds[0]),
                    .life = std::move(part.fds[1])});
  }

  void on_front_end() {
    if (serving_) {
      // It waits among those that are not accepted, until this one has left.
      log::warn("Another virtual machine connects to '{}', but a device serves one. It waits until the first one ends.",
                listener_.path().native());
      front_end_watch_ = {};
      return;
    }
    serving_ = hand_over(listener_, GpuOrder::front_end);
  }

  bool hand_over(const platform::Listener& listener, GpuOrder order) {
    const auto client = listener.accept();
    if (!client) {
      if (client.error().code != EAGAIN) log::warn("{}", client.error().message);
      return false;
    }
    if (platform::send_message(orders_.get(), std::as_bytes(std::span(&order, 1)), client->get())) return true;
    log::warn("hesper-gpu takes no connection now; one is closed.");
    return false;
  }

  // An exit status: it is time to end.
  std::optional<int> on_signals(std::span<const platform::ReceivedSignal> received) {
    if (std::ranges::any_of(received, [](const auto& signal) { return signal.number != SIGCHLD; })) return 0;
    const auto state = platform::check_child(child_);
    const bool exited = state.kind == platform::ChildState::Kind::exited;
    if (!exited && state.kind != platform::ChildState::Kind::killed) return std::nullopt;
    const pid_t child = std::exchange(child_, -1);
    const bool served = serving_;
    front_end_watch_ = {};
    requests_watch_ = {};
    input_watches_ = {};
    if (!exited || (served && state.value != std::to_underlying(GpuExit::front_end_left) &&
                    state.value != std::to_underlying(GpuExit::front_end_at_fault)))
      log::error("hesper-gpu (process {}) {} {}.{}", child, exited ? "ended with status" : "was ended by signal",
                 state.value,
                 served && !once_ ? " The virtual machine that it served has lost its GPU for good, as QEMU cannot "
                                    "connect again: shut it down over its network or serial console, and start it anew."
                                  : "");
    if (served && once_) return exited && state.value == std::to_underlying(GpuExit::front_end_left) ? 0 : 1;
    // One that does not even get as far as its first virtual machine would not the next time either.
    if (!served) return 1;
    if (const auto started = start(); !started) {
      log::error("{}", started.error().message);
      return 1;
    }
    return std::nullopt;
  }

  platform::EventLoop& loop_;
  supervisor::Supervisor& workers_;
  platform::Listener listener_;
  platform::Listener control_;
  std::vector<platform::Listener> inputs_;  // by input::Kind
  platform::SpawnOptions spawn_;
  bool once_;
  pid_t child_ = -1;
  bool serving_ = false;  // the child has a front-end
  UniqueFd orders_;
  UniqueFd lifeline_;
  platform::EventLoop::Watch front_end_watch_;
  platform::EventLoop::Watch requests_watch_;
  std::array<platform::EventLoop::Watch, input::kKinds> input_watches_;
};

void print_how_to_connect(const std::filesystem::path& socket) {
  tell(
      "hesper: serving; QEMU 11.1 or newer takes it with\n"
      "  -machine q35,memory-backend=mem -object memory-backend-memfd,id=mem,size=2G,share=on -m 2G -vga none \\\n"
      "  -chardev socket,id=gpu,path={} \\\n"
      "  -device vhost-user-test-device-pci,chardev=gpu,virtio-id=16,num_vqs=2,vq_size=256,config_size=24\n"
      "and, for those who type and point in hesper's viewers, any of\n",
      std::filesystem::absolute(socket).native());
  for (const input::Kind kind : input::kAllKinds)
    tell("  -chardev socket,id={0},path={1} -device vhost-user-input-pci,chardev={0}\n", input::name_of(kind),
         std::filesystem::absolute(input_socket(socket, kind)).native());
}

Result<int> run(const char* argv0, const GpuOptions& options) {
  auto spawn = spawn_options(argv0, options);
  if (!spawn) return std::unexpected(std::move(spawn.error()));
  auto worker = supervisor::find_worker(
      argv0, options.worker,
      worker_environment(Environment::of_this_process(), options.worker.host_driver, options.worker.pass_environment)
          .entries());
  if (!worker) return std::unexpected(std::move(worker.error()));
  worker->door = supervisor::Door::link;
  platform::ignore_broken_pipes();
  if (options.window_size != 0) {
    const bool memory_first = options.memory_first ? *options.memory_first : supervisor::memory_can_be_moved(*worker);
    log::info("The guest's Mesa makes {} first.", memory_first ? "memory" : "blobs");
    if (memory_first)
      spawn->arguments.emplace_back("--memory-first");
    else
      worker->options.emplace_back("--blobs-first");
    if (options.inline_shaders) worker->options.emplace_back("--inline-shaders");
  }
  auto signals = platform::SignalPipe::install(kSignals);
  if (!signals) return std::unexpected(std::move(signals.error()));
  if (options.worker.verbose && options.window_size != 0) supervisor::print_probe(*worker);
  // Before that of the GPU, whose socket tells others that all of them are there.
  std::vector<platform::Listener> inputs;
  for (const input::Kind kind : input::kAllKinds) {
    auto input = platform::Listener::at(input_socket(options.socket, kind));
    if (!input) return std::unexpected(std::move(input.error()));
    inputs.push_back(std::move(*input));
  }
  auto listener = platform::Listener::at(options.socket);
  if (!listener) return std::unexpected(std::move(listener.error()));
  auto control = platform::Listener::at(control_socket(options.socket));
  if (!control) return std::unexpected(std::move(control.error()));
  auto loop = platform::EventLoop::create();
  if (!loop) return std::unexpected(std::move(loop.error()));
  supervisor::Limits limits = options.limits;
  if (options.window_size == 0) limits.spare_workers = 0;  // without it there are no contexts
  auto workers = supervisor::Supervisor::create(**loop, *signals, std::move(*worker), limits);
  if (!workers) return std::unexpected(std::move(workers.error()));
  if (!options.once) print_how_to_connect(options.socket);
  GpuServer::Listeners listeners{
      .front_end = std::move(*listener), .control = std::move(*control), .inputs = std::move(inputs)};
  return GpuServer(**loop, **workers, std::move(listeners), std::move(*spawn), options.once).run();
}

}  // namespace

std::filesystem::path input_socket(const std::filesystem::path& socket, input::Kind kind) {
  std::filesystem::path path = socket;
  path += fmt::format(".{}", input::name_of(kind));
  return path;
}

int serve_gpu(const char* argv0, const GpuOptions& options) {
  const auto status = run(argv0, options);
  if (status) return *status;
  log::error("{}", status.error().message);
  return 1;
}

}  // namespace hesper::cli
