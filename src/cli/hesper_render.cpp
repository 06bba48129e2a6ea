// The program hesper-render: the worker. hesper starts one for each client, with the client's socket and a lifeline as
// inherited fds (worker_program.h), and it is the only process that reads what that client sends. It ends when the
// client hangs up or breaks the protocol, and at once when hesper dies. A spare worker starts before its client comes.
// `--probe` tells about the host instead, and `--replay-fd`, `--show-fd` and `--info-fd` read a capture.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/log.h"
#include "base/scarcity.h"
#include "cli/standard_output.h"
#include "cli/worker_replay.h"
#include "cli/worker_show.h"
#include "flight/record.h"
#include "link/context_server.h"
#include "platform/process.h"
#include "platform/signals.h"
#include "platform/socket.h"
#include "platform/syscall_filter.h"
#include "render/prepared_host.h"
#include "render/probe.h"
#include "replay/recorder.h"
#include "sandbox/sandbox.h"
#include "supervisor/last_will.h"
#include "supervisor/worker_program.h"
#include "vtest/connection.h"
#include "wire/capset.h"

namespace {

using namespace hesper;

struct Arguments {
  int socket = -1;  // of the vtest door
  int link = -1;    // of a virtual machine's
  int lifeline = -1;
  int last_will = -1;
  int record = -1;
  int capture = -1;
  int replay = -1;
  int show = -1;
  int info = -1;
  std::string name = "hesper-render";
  std::string memory = "auto";
  std::uint64_t memory_budget = render::ContextOptions{}.memory_budget;
  std::uint64_t import_granularity = 0;
  bool blobs_first = false;
  bool inline_shaders = false;
  bool emulate_dma_buf = false;
  bool spare = false;
  bool validate = false;
  bool verbose = false;
  bool probe = false;
  bool probe_moving = false;
  cli::WorkerReplayOptions replaying;
  capture::ShowOptions showing;
  bool json = false;
  std::string sandbox = "strict";
  bool require_sandbox = false;
  bool sandbox_told = false;
  sandbox::Choices choices;
};

// Says what became of the sandbox: what the system refuses, once for all workers. A level that is reached by other
// means than the best is worth no warning.
void tell_about(const sandbox::Report& report, const Arguments& arguments) {
  if (arguments.probe && !arguments.json) fmt::print("sandbox\n  level     {}\n", sandbox::describe(report));
  if (arguments.sandbox_told || arguments.probe_moving) return;
  for (const auto& remark : report.remarks) log::info("{}", remark);
  const bool reached = report.reached == report.asked;
  if (!reached)
    log::warn("The sandbox is {} instead of {}.", sandbox::name_of(report.reached), sandbox::name_of(report.asked));
  for (const auto& shortfall : report.shortfalls)
    log::log(reached ? spdlog::level::info : spdlog::level::warn, "The sandbox lacks something: {}", shortfall);
}

std::string version_text(std::uint32_t version) {
  return fmt::format("{}.{}.{}", (version >> 22) & 0x7f, (version >> 12) & 0x3ff, version & 0xfff);
}

void print_report(const render::ProbeReport& report) {
  fmt::print("{}\n  driver    {}, Vulkan {}\n", report.device, report.driver, version_text(report.api_version));
  fmt::print("  memory    {}: {}\n", report.usable ? report.memory : "not usable", report.memory_reason);
  if (report.usable && !report.guest_usable) fmt::print("  guests    not usable: {}\n", report.guest_reason);
  if (!report.missing.empty()) fmt::print("  missing   {}\n", fmt::join(report.missing, ", "));
  if (!report.emulated.empty()) fmt::print("  emulated  {}\n", fmt::join(report.emulated, ", "));
}

nlohmann::json to_json(const render::ProbeReport& report) {
  return {{"device", report.device},
          {"driver", report.driver},
          {"api_version", version_text(report.api_version)},
          {"device_uuid", report.device_uuid},
          {"kind", report.kind},
          {"usable", report.usable},
          {"memory", report.memory},
          {"memory_reason", report.memory_reason},
          {"guest_usable", report.guest_usable},
          {"guest_reason", report.guest_reason},
          {"memory_moves", report.memory_moves},
          {"missing", report.missing},
          {"emulated", report.emulated}};
}

int probe(render::MemoryStrategy memory, bool json) {
  const auto reports = render::probe_host(memory);
  if (!reports) {
    log::error("{}", reports.error().message);
    return 1;
  }
  if (json) {
    nlohmann::json list = nlohmann::json::array();
    for (const auto& report : *reports) list.push_back(to_json(report));
    const nlohmann::json whole = {{"version", 1}, {"devices", list}};
    fmt::print("{}\n", whole.dump(2, ' ', false, nlohmann::json::error_handler_t::replace));
  } else {
    for (const auto& report : *reports) print_report(report);
  }
  return 0;
}

supervisor::WorkerExit exit_for(vtest::Ending ending) {
  switch (ending) {
    case vtest::Ending::client_left: return supervisor::WorkerExit::client_left;
    case vtest::Ending::client_at_fault: return supervisor::WorkerExit::client_at_fault;
    case vtest::Ending::renderer_failed: return supervisor::WorkerExit::renderer_failed;
  }
  std::unreachable();
}

// Waits for the client of a spare worker, and takes its name for the log. No fd: there will be none.
UniqueFd wait_for_client(UniqueFd control, supervisor::Door door, const std::string& level) {
  supervisor::SpareOrder order{};
  if (platform::receive_exactly(control.get(), std::as_writable_bytes(std::span(&order, 1))) != platform::Received::all)
    return UniqueFd();
  auto socket = platform::receive_fd(control.get());
  if (!socket) return UniqueFd();
  const std::string name = supervisor::worker_name(door, order.client);
  log::start(name, level);
  platform::name_syscall_reports(name);
  return std::move(*socket);
}

// The record of this process's streams; of nobody when no supervisor gave one. Lives as long as the process.
flight::Recorder& recorder_on(int fd) {
  if (fd >= 0) {
    auto recorder = flight::Recorder::on(UniqueFd(fd).get());
    if (recorder) return *recorder->release();
    log::warn("{} Nobody will know what this worker executes.", recorder.error().message);
  }
  return *new flight::Recorder();
}

void leave_last_will(render::ContextOptions& options, int supervisor) {
  if (supervisor < 0) return;
  options.ring_appears = [supervisor](std::uint32_t ring, int memory, std::uint64_t offset, std::uint32_t bit) {
    supervisor::bequeath(supervisor, ring, memory, offset, bit);
  };
  options.ring_disappears = [supervisor](std::uint32_t ring) { supervisor::revoke(supervisor, ring); };
}

// file: no fd if there is nothing to record. nullptr: nothing is recorded; why is logged.
std::unique_ptr<replay::Recorder> start_recorder(UniqueFd file, const render::ContextOptions& options) {
  if (!file) return nullptr;
  auto recorder = replay::Recorder::create(std::move(file), options.name, HESPER_VERSION, options);
  if (recorder) return std::move(*recorder);
  log::error("{}: nothing is captured. {}", options.name, recorder.error().message);
  return nullptr;
}

// capture: where to record the client, if anywhere.
supervisor::WorkerExit serve(UniqueFd socket, UniqueFd capture, const render::ContextOptions& options,
                             flight::StreamRecord& record) {
  const auto start = std::chrono::steady_clock::now();
  std::unique_ptr<replay::Recorder> recorder;  // outlives the context
  auto connection = vtest::Connection::create(
      std::move(socket), {.create_context =
                              [&](const std::string& name) {
                                const flight::ActivityScope activity(record, flight::Activity::creates_context);
                                render::ContextOptions own = options;
                                own.name = name;
                                recorder = start_recorder(std::move(capture), own);
                                own.observer = recorder.get();
                                return render::Context::create(std::move(own));
                              },
                          .capset = wire::capset({})});
  if (!connection) {
    log::error("{}", connection.error().message);
    return supervisor::WorkerExit::cannot_start;
  }
  const vtest::Ending ending = (*connection)->serve();
  const std::chrono::duration<double> time = std::chrono::steady_clock::now() - start;
  const auto& statistics = (*connection)->statistics();
  log::info("{}: {:.1f} s, {} submissions on the socket, {} blobs with {:.1f} MiB in all.",
            (*connection)->client_name(), time.count(), statistics.submissions, statistics.blobs,
            static_cast<double>(statistics.blob_bytes) / (1 << 20));
  // The context is not taken down: the driver may wait for work that will never complete, now that nobody can signal
  // it. The system frees everything when the process ends.
  static_cast<void>(connection->release());
  // Its rings may still execute what the client left behind; that is not recorded any more.
  if (recorder != nullptr) recorder.release()->finish();
  return exit_for(ending);
}

// A context of a virtual machine.
supervisor::WorkerExit serve_link(UniqueFd socket, const render::ContextOptions& options,
                                  flight::StreamRecord& record) {
  const auto start = std::chrono::steady_clock::now();
  link::ContextServer server(std::move(socket), [&](const std::string& name, std::uint64_t window_size) {
    const flight::ActivityScope activity(record, flight::Activity::creates_context);
    render::ContextOptions own = options;
    own.name = name;
    own.window_size = window_size;
    return render::Context::create(std::move(own));
  });
  const link::Ending ending = server.serve();
  const std::chrono::duration<double> time = std::chrono::steady_clock::now() - start;
  log::info("{}: {:.1f} s, {} submissions on the virtqueue.", server.name(), time.count(), server.submissions());
  // As with a vtest client, nothing is taken down.
  server.abandon();
  switch (ending) {
    case link::Ending::context_destroyed: return supervisor::WorkerExit::client_left;
    case link::Ending::link_broken: return supervisor::WorkerExit::client_at_fault;
    case link::Ending::context_failed: return supervisor::WorkerExit::renderer_failed;
  }
  std::unreachable();
}

}  // namespace

int main(int argc, char** argv) {
  Arguments arguments;
  CLI::App app("The worker of hesper, which starts it. By hand, only --probe is of use.", "hesper-render");
  app.set_version_flag("--version", "hesper-render " HESPER_VERSION);
  auto* socket = app.add_option("--vtest-fd", arguments.socket, "Serve the vtest client that is connected to this fd");
  auto* link =
      app.add_option("--link-fd", arguments.link, "Serve the context of a virtual machine that orders come for");
  link->excludes(socket);
  app.add_flag("--spare", arguments.spare, "Load the driver now; the client's connection comes through that fd later");
  app.add_option("--import-granularity", arguments.import_granularity, "Import memory in steps of so many bytes");
  app.add_flag("--blobs-first", arguments.blobs_first, "The guest's Mesa makes a blob before the memory in it");
  app.add_flag("--inline-shaders", arguments.inline_shaders, "Offer shaders within pipelines' create infos even then");
  app.add_option("--lifeline-fd", arguments.lifeline, "End when the other end of this pipe is closed");
  app.add_option("--last-will-fd", arguments.last_will, "Tell the supervisor here what to do when this process dies");
  app.add_option("--record-fd", arguments.record, "Note what is executed in this shared memory");
  app.add_option("--capture-fd", arguments.capture, "Record the client into this file");
  auto* replay = app.add_option("--replay-fd", arguments.replay, "Replay the capture that this fd reads");
  app.add_flag("--pixels", arguments.replaying.pixels, "Digest what the capture's client could see")->needs(replay);
  app.add_option("--pictures-fd", arguments.replaying.pictures, "Write pictures there")->needs(replay);
  app.add_option("--repeat", arguments.replaying.repeat, "Replay so many times")->needs(replay);
  app.add_option("--until", arguments.replaying.until, "Stop after so many commands")->needs(replay);
  auto* show = app.add_option("--show-fd", arguments.show, "Print the commands of the capture that this fd reads");
  app.add_option("--first", arguments.showing.first, "The first command to print");
  app.add_option("--last", arguments.showing.last, "The last command to print");
  app.add_option("--stream", arguments.showing.stream, "Print this stream's commands alone")->needs(show);
  app.add_option("--info-fd", arguments.info, "Print a summary of the capture that this fd reads");
  app.add_option("--name", arguments.name, "What log lines begin with");
  app.add_option("--memory", arguments.memory, "auto, dmabuf or hostptr")->capture_default_str();
  app.add_option("--memory-budget", arguments.memory_budget, "Bytes held for the client at most")
      ->capture_default_str();
  app.add_flag("--emulate-dma-buf", arguments.emulate_dma_buf, "Announce shared memory as dma-bufs");
  app.add_flag("--validate", arguments.validate, "Load the Khronos validation layer and log what it finds");
  app.add_flag("-v,--verbose", arguments.verbose, "Log a summary at the end");
  app.add_option("--sandbox", arguments.sandbox, "strict, basic or off")->capture_default_str();
  app.add_flag("--require-sandbox", arguments.require_sandbox, "End if that level cannot be reached");
  app.add_flag("--sandbox-told", arguments.sandbox_told, "Somebody else has logged what the system refuses to it");
  app.add_option("--address-space", arguments.choices.address_space, "Bytes; 0: no limit");
  app.add_option("--max-fds", arguments.choices.open_files, "Open files");
  app.add_option("--nice", arguments.choices.nice, "0 to 19");
  app.add_option("--shader-cache", arguments.choices.shader_cache, "Where the driver keeps compiled shaders");
  auto* probing = app.add_flag("--probe", arguments.probe, "Tell what this host's Vulkan devices can do for Hesper");
  app.add_flag("--json", arguments.json, "Print JSON instead of text");
  app.add_flag("--probe-moving", arguments.probe_moving, "Succeed if a guest's memory can be moved under the drivers");
  socket->excludes(probing);
  link->excludes(probing);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : std::to_underlying(supervisor::WorkerExit::cannot_start);
  }

  if (arguments.lifeline >= 0) platform::die_with_parent(UniqueFd(arguments.lifeline));
  platform::ignore_broken_pipes();
  platform::raise_fd_limit();
  const std::string log_level = arguments.verbose ? "info" : "warn";
  log::start(arguments.name, log_level);
  const auto memory = render::parse_memory_strategy(arguments.memory);
  if (!memory) {
    log::error("{}", memory.error().message);
    return std::to_underlying(supervisor::WorkerExit::cannot_start);
  }
  arguments.choices.report_all = arguments.verbose;
  const auto level = sandbox::parse_level(arguments.sandbox);
  if (!level) {
    log::error("The sandbox level \"{}\" is unknown; choose strict, basic or off.", arguments.sandbox);
    return std::to_underlying(supervisor::WorkerExit::cannot_start);
  }
  // From here on, no file can be opened but the driver's.
  const auto confined = sandbox::enter({.level = *level, .choices = arguments.choices, .log_prefix = arguments.name});
  tell_about(confined, arguments);
  if (arguments.require_sandbox && confined.reached != *level) {
    log::error("The sandbox level {} cannot be reached, and --require-sandbox demands it.", arguments.sandbox);
    return std::to_underlying(supervisor::WorkerExit::cannot_start);
  }
  if (arguments.probe) return cli::with_standard_output([&] { return probe(*memory, arguments.json); });
  if (arguments.probe_moving) return render::memory_can_be_moved(arguments.import_granularity).value_or(false) ? 0 : 1;
  if (arguments.show >= 0)
    return cli::with_standard_output(
        [&] { return cli::show_capture(UniqueFd(arguments.show), arguments.showing, arguments.json); });
  if (arguments.info >= 0)
    return cli::with_standard_output([&] { return cli::summarize_capture(UniqueFd(arguments.info), arguments.json); });
  if (arguments.replay >= 0) {
    arguments.replaying.memory = *memory;
    arguments.replaying.memory_budget = arguments.memory_budget;
    arguments.replaying.validate = arguments.validate;
    arguments.replaying.json = arguments.json;
    const int status =
        cli::with_standard_output([&] { return cli::replay_capture(UniqueFd(arguments.replay), arguments.replaying); });
    std::_Exit(status);  // as after serving: the driver may wait for what never comes
  }
  const bool of_guest = arguments.link >= 0;
  if (arguments.socket < 0 && !of_guest) {
    log::error("Neither --vtest-fd, --link-fd nor --probe is given. Users start hesper, not hesper-render.");
    return std::to_underlying(supervisor::WorkerExit::cannot_start);
  }
  end_on_scarcity("hesper-render", std::to_underlying(supervisor::WorkerExit::out_of_memory));
  // We end by _Exit(): exit() is a driver that gives up, and that must not look as if the client had left.
  std::atexit([] { std::_Exit(std::to_underlying(supervisor::WorkerExit::driver_gave_up)); });
  flight::Recorder& recorder = recorder_on(arguments.record);
  recorder.confined(std::to_underlying(confined.reached));
  flight::StreamRecord& record = recorder.open(flight::Kind::context, 0);
  // What programs in a guest get as dma-bufs are resources of the virtual GPU, so that emulated ones are as good.
  render::ContextOptions options{.memory = *memory,
                                 .memory_in_ranges = of_guest,
                                 .blobs_first = arguments.blobs_first,
                                 .inline_shaders = arguments.inline_shaders,
                                 .import_granularity = arguments.import_granularity,
                                 .memory_budget = arguments.memory_budget,
                                 .emulate_dma_buf = arguments.emulate_dma_buf || of_guest,
                                 .validate = arguments.validate,
                                 .recorder = &recorder};
  leave_last_will(options, arguments.last_will);
  UniqueFd client(of_guest ? arguments.link : arguments.socket);
  if (arguments.spare) {
    // A host that cannot be prepared is reported when a client wants to use it.
    {
      const flight::ActivityScope activity(record, flight::Activity::creates_context);
      if (auto host = render::PreparedHost::create(options)) options.host = std::move(*host);
    }
    client = wait_for_client(std::move(client), of_guest ? supervisor::Door::link : supervisor::Door::vtest, log_level);
    if (!client) std::_Exit(std::to_underlying(supervisor::WorkerExit::client_left));
  }
  log::info("The sandbox is {}.", sandbox::describe(confined));
  if (of_guest) std::_Exit(std::to_underlying(serve_link(std::move(client), options, record)));
  std::_Exit(std::to_underlying(serve(std::move(client), UniqueFd(arguments.capture), options, record)));
}
