// The program hesper-gpu: the virtio-gpu device of one virtual machine, and its input devices. `hesper gpu` starts it
// and hands it connections (gpu_process.h): QEMU's, and those of viewers, hesper screenshot and hesper display. It is
// the only process that reads what the guest and QEMU send. It ends when QEMU hangs up or breaks the protocol, and at
// once when hesper dies; the next virtual machine gets a process of its own, so that nothing of one guest ever meets
// another.
//
// QEMU does not survive the loss of this process: no driver, no codec and no window system is loaded here, and its one
// thread never waits. Its sandbox has no file, no network and no process; workers for the guest's contexts are hesper's
// to start. Memory that cannot be had ends it all the same.
#include <fcntl.h>
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/log.h"
#include "cli/display_mode.h"
#include "cli/gpu_process.h"
#include "device/control_connections.h"
#include "device/display_fan.h"
#include "device/frame_feeds.h"
#include "device/gpu_door.h"
#include "device/input_channels.h"
#include "device/input_door.h"
#include "device/input_tap.h"
#include "device/qemu_console.h"
#include "device/screens.h"
#include "device/window_file.h"
#include "device/worker_contexts.h"
#include "input/seat.h"
#include "platform/event_loop.h"
#include "platform/process.h"
#include "platform/shared_memory.h"
#include "platform/signals.h"
#include "platform/socket.h"
#include "sandbox/sandbox.h"
#include "wire/capset.h"

namespace {

using namespace hesper;

struct Arguments {
  std::vector<std::string> modes;
  std::uint64_t window_size = 0;
  std::uint64_t host_memory = gpu::DeviceOptions{}.max_host_memory;
  std::size_t max_resources = gpu::DeviceOptions{}.max_resources;
  std::uint64_t context_queue = std::uint64_t{128} << 20;
  std::uint64_t release_timeout = 10'000;
  std::size_t max_workers = 256;
  bool memory_first = false;
  std::string sandbox = "strict";
  bool require_sandbox = false;
  bool verbose = false;
};

Result<std::vector<gpu::Output>> outputs_of(const std::vector<std::string>& modes) {
  std::vector<gpu::Output> outputs;
  std::uint32_t x = 0;  // side by side
  for (const std::string& text : modes) {
    const auto mode = cli::parse_display_mode(text);
    if (!mode) return std::unexpected(mode.error());
    gpu::Output output{.connected = mode->connected, .monitor = {}, .x = x, .y = 0};
    output.monitor.width = mode->width;
    output.monitor.height = mode->height;
    output.monitor.refresh_mhz = mode->refresh_mhz;
    output.monitor.serial = std::to_string(outputs.size() + 1);
    if (output.connected) x += mode->width;
    outputs.push_back(std::move(output));
  }
  if (outputs.empty()) outputs.emplace_back();
  return outputs;
}

// Everything that the process consists of. Lives as long as the process.
class GpuProcess {
 public:
  static Result<std::unique_ptr<GpuProcess>> create(const Arguments& arguments, platform::SharedMemoryWithReader window,
                                                    UniqueFd orders) {
    auto outputs = outputs_of(arguments.modes);
    if (!outputs) return std::unexpected(std::move(outputs.error()));
    auto loop = platform::EventLoop::create();
    if (!loop) return std::unexpected(std::move(loop.error()));
    std::unique_ptr<GpuProcess> process(new GpuProcess(std::move(*loop), std::move(orders), std::move(window.reader)));
    if (arguments.window_size != 0) {
      if (auto made = process->make_contexts(arguments, window.fd.get()); !made)
        return std::unexpected(std::move(made.error()));
    }
    device::GpuDoor::Options options;
    options.device.outputs = std::move(*outputs);
    options.device.window_size = arguments.window_size;
    options.device.max_host_memory = arguments.host_memory;
    options.device.max_resources = arguments.max_resources;
    options.on_display_socket = [console = &process->console_](UniqueFd socket) {
      console->connect(std::move(socket));
    };
    auto door = device::GpuDoor::create(*process->loop_, std::move(options), process->contexts(), process->displays_,
                                        std::move(window.fd));
    if (!door) return std::unexpected(std::move(door.error()));
    process->door_ = std::move(*door);
    if (process->workers_) process->workers_->tell(process->door_->device());
    process->feeds_.tell(process->door_->device());
    process->control_ = std::make_unique<device::ControlConnections>(
        *process->loop_, process->door_->device(), process->screens_, process->feeds_, process->inputs_, process->tap_);
    if (process->workers_) process->control_->tell(*process->workers_);
    return process;
  }

  cli::GpuExit run() {
    orders_watch_ = loop_->when_readable(orders_.get(), [this] { take_order(); });
    loop_->run();
    return exit_;
  }

 private:
  GpuProcess(std::unique_ptr<platform::EventLoop> loop, UniqueFd orders, UniqueFd window_reader)
      : loop_(std::move(loop)),
        orders_(std::move(orders)),
        feeds_(*loop_, window_reader ? std::make_shared<const UniqueFd>(std::move(window_reader)) : nullptr) {}

  gpu::ContextHost& contexts() noexcept {
    if (workers_) return *workers_;
    return no_contexts_;
  }

  Result<void> make_contexts(const Arguments& arguments, int window) {
    UniqueFd copy(::fcntl(window, F_DUPFD_CLOEXEC, 0));
    if (!copy) return fail_errno("Duplicating the window's file descriptor fails", errno);
    auto file = device::WindowFile::create(*loop_, std::move(copy), arguments.window_size);
    if (!file) return std::unexpected(std::move(file.error()));
    window_ = std::move(*file);
    const auto capset = wire::capset({.use_guest_vram = !arguments.memory_first});
    workers_ = std::make_unique<device::WorkerContexts>(
        *loop_, *window_,
        [this](gpu::ContextId context, std::string_view name, int link, int life) {
          return ask_for_worker(context, name, link, life);
        },
        device::WorkerContexts::Options{
            .capset = {capset.begin(), capset.end()},
            .memory_first = arguments.memory_first,
            .max_workers = arguments.max_workers,
            .max_waiting = arguments.context_queue,
            .max_waiting_all = 4 * arguments.context_queue,
            .max_unmapped = arguments.host_memory,
            .release_timeout = std::chrono::milliseconds(arguments.release_timeout),
        });
    return {};
  }

  bool ask_for_worker(gpu::ContextId context, std::string_view name, int link, int life) {
    cli::GpuRequest request{.wish = cli::GpuWish::worker, .number = std::to_underlying(context)};
    std::ranges::copy(name.substr(0, request.name.size()), request.name.begin());
    const std::array<int, cli::kGpuWorkerFds> fds = {link, life};
    return send(request, fds);
  }
  bool send(const cli::GpuRequest& request, std::span<const int> fds) {
    const auto sent = platform::send_part(orders_.get(), std::as_bytes(std::span(&request, 1)), {}, fds);
    return sent.size == sizeof(request);
  }

  // The displays side by side, as most desktops place them unless their user says otherwise, each as large as its mode.
  [[nodiscard]] input::Desktop desktop() {
    input::Desktop desktop;
    if (!door_) return desktop;
    const gpu::Outputs& outputs = door_->device().outputs();
    std::uint32_t x = 0;
    for (std::uint32_t i = 0; i < outputs.count(); ++i) {
      const gpu::Output& output = outputs.get(i);
      if (!output.connected) continue;
      desktop.displays[i] = {.x = x, .y = 0, .width = output.monitor.width, .height = output.monitor.height};
      x += output.monitor.width;
    }
    return desktop;
  }

  void end(cli::GpuExit exit) {
    exit_ = exit;
    loop_->stop();
  }

  void take_order() {
    cli::GpuOrder order{};
    auto received = platform::receive_message(orders_.get(), std::as_writable_bytes(std::span(&order, 1)));
    if (received.size != sizeof(order)) return end(cli::GpuExit::front_end_left);  // hesper is gone
    if (!received.fd) return;
    if (order == cli::GpuOrder::control) return control_->add(std::move(received.fd));
    for (const input::Kind kind : input::kAllKinds)
      if (order == cli::order_of(kind)) return serve_input(kind, std::move(received.fd));
    const auto served =
        door_->serve(std::move(received.fd), [this](vhost::BackEnd::Ending ending, const std::string& reason) {
          if (ending == vhost::BackEnd::Ending::front_end_left) {
            log::info("{}", reason);
            return end(cli::GpuExit::front_end_left);
          }
          log::error("The connection to the virtual machine ends. {}", reason);
          end(cli::GpuExit::front_end_at_fault);
        });
    if (!served) {
      log::error("{}", served.error().message);
      end(cli::GpuExit::cannot_start);
    }
  }

  // The loss of an input device's front-end is not that of the virtual machine: devices can be unplugged.
  void serve_input(input::Kind kind, UniqueFd socket) {
    auto& door = input_doors_[std::to_underlying(kind)];
    const auto served =
        door.serve(std::move(socket), [this, kind](vhost::BackEnd::Ending ending, const std::string& reason) {
          const auto level =
              ending == vhost::BackEnd::Ending::front_end_left ? spdlog::level::info : spdlog::level::err;
          log::log(level, "The connection of the guest's {} ends. {}", input::name_of(kind), reason);
          send({.wish = cli::GpuWish::input_front_end, .number = std::to_underlying(kind)}, {});
        });
    if (!served) log::error("{}", served.error().message);
  }

  std::unique_ptr<platform::EventLoop> loop_;
  UniqueFd orders_;
  std::unique_ptr<device::WindowFile> window_;  // this and the next: none without a window
  std::unique_ptr<device::WorkerContexts> workers_;
  device::NoContexts no_contexts_;
  device::Screens screens_;
  device::QemuConsole console_{*loop_};
  device::FrameFeeds feeds_;
  device::DisplayFan displays_{{&screens_, &console_, &feeds_}};
  std::unique_ptr<device::GpuDoor> door_;
  input::Seat seat_{[this] { return desktop(); }};
  std::array<device::InputDoor, input::kKinds> input_doors_{{{*loop_, seat_.device(input::Kind::keyboard)},
                                                             {*loop_, seat_.device(input::Kind::tablet)},
                                                             {*loop_, seat_.device(input::Kind::mouse)},
                                                             {*loop_, seat_.device(input::Kind::touch)}}};
  device::InputChannels inputs_{*loop_, seat_};
  device::InputTap tap_{*loop_, seat_};
  std::unique_ptr<device::ControlConnections> control_;
  platform::EventLoop::Watch orders_watch_;
  cli::GpuExit exit_ = cli::GpuExit::front_end_left;
};

Result<platform::SharedMemoryWithReader> make_window(std::uint64_t size) {
  if (size == 0) return platform::SharedMemoryWithReader{};
  return platform::create_shared_memory_with_reader("hesper-window", size);
}

// False: the process must not go on.
bool enter_sandbox(const Arguments& arguments) {
  const auto level = sandbox::parse_level(arguments.sandbox);
  if (!level) {
    log::error("The sandbox level \"{}\" is unknown; choose strict, basic or off.", arguments.sandbox);
    return false;
  }
  sandbox::Options options{
      .level = *level, .process = sandbox::Process::device, .choices = {}, .log_prefix = "hesper-gpu"};
  // The guest's memory is mapped here, whatever its size.
  options.choices.address_space = 0;
  const auto report = sandbox::enter(options);
  const bool reached = report.reached == report.asked;
  for (const auto& shortfall : report.shortfalls)
    log::log(reached ? spdlog::level::info : spdlog::level::warn, "The sandbox lacks something: {}", shortfall);
  log::info("The sandbox is {}.", sandbox::describe(report));
  if (reached || !arguments.require_sandbox) {
    if (!reached)
      log::warn("The sandbox is {} instead of {}.", sandbox::name_of(report.reached), sandbox::name_of(report.asked));
    return true;
  }
  log::error("The sandbox level {} cannot be reached, and --require-sandbox demands it.", arguments.sandbox);
  return false;
}

}  // namespace

int main(int argc, char** argv) {
  Arguments arguments;
  bool started_by_hesper = false;
  CLI::App app("The virtio-gpu device of one virtual machine. Users start hesper gpu, which starts this.",
               "hesper-gpu");
  app.set_version_flag("--version", "hesper-gpu " HESPER_VERSION);
  app.add_flag("--orders", started_by_hesper, "Take orders from hesper, at fd 3");
  app.add_option("--mode", arguments.modes, "Of each display: WIDTHxHEIGHT[@HZ], or off")->allow_extra_args(false);
  app.add_option("--window", arguments.window_size, "Bytes of the host-visible window; 0: none");
  app.add_option("--host-memory", arguments.host_memory, "Bytes that the guest's resources may take here");
  app.add_option("--max-resources", arguments.max_resources, "Resources that the guest may make");
  app.add_option("--context-queue", arguments.context_queue, "Bytes that may wait for one context's worker");
  app.add_option("--release-timeout", arguments.release_timeout, "Milliseconds that workers may keep what is wanted");
  app.add_option("--max-workers", arguments.max_workers, "Contexts that may have a worker at a time");
  app.add_flag("--memory-first", arguments.memory_first, "Workers can move memory into blobs that come later");
  app.add_option("--sandbox", arguments.sandbox, "strict, basic or off");
  app.add_flag("--require-sandbox", arguments.require_sandbox, "End if that level cannot be reached");
  app.add_flag("-v,--verbose", arguments.verbose, "Log what the guest's driver does");
  constexpr int kCannotStart = std::to_underlying(cli::GpuExit::cannot_start);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : kCannotStart;
  }
  log::start("hesper-gpu", arguments.verbose ? "info" : "warn");
  if (!started_by_hesper) {
    log::error("Users start hesper gpu, not hesper-gpu.");
    return kCannotStart;
  }
  platform::die_with_parent(UniqueFd(cli::kGpuLifeline));
  platform::ignore_broken_pipes();
  // Before the sandbox, whose limit of a file's size is the host's memory, and in which no file can be opened.
  auto window = make_window(arguments.window_size);
  if (!window) {
    log::error("{}", window.error().message);
    return kCannotStart;
  }
  if (!enter_sandbox(arguments)) return kCannotStart;
  auto process = GpuProcess::create(arguments, std::move(*window), UniqueFd(cli::kGpuOrders));
  if (!process) {
    log::error("{}", process.error().message);
    return kCannotStart;
  }
  // Nothing is taken down: the system does that at once.
  std::_Exit(std::to_underlying((*process)->run()));
}
