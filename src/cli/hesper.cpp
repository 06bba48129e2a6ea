// The program hesper: its command line, and nothing else. The user starts it; it starts one hesper-render a client (see
// src/supervisor), for `exec` the user's program, for `gpu` hesper-gpu, and for `run` a virtual machine (see src/vm).
// It ends with that program, or when a signal says so.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <bit>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/log.h"
#include "cli/capture.h"
#include "cli/completion.h"
#include "cli/display_mode.h"
#include "cli/doctor.h"
#include "cli/exec.h"
#include "cli/export.h"
#include "cli/facts.h"
#include "cli/gpu.h"
#include "cli/input.h"
#include "cli/machines.h"
#include "cli/optional_values.h"
#include "cli/passthrough.h"
#include "cli/plan.h"
#include "cli/prove.h"
#include "cli/record_options.h"
#include "cli/replay.h"
#include "cli/run.h"
#include "cli/run_options.h"
#include "cli/screens.h"
#include "cli/self_test.h"
#include "cli/serve.h"
#include "cli/standard_output.h"
#include "cli/top.h"
#include "cli/tune.h"
#include "cli/view.h"
#include "cli/view_options.h"
#include "vm/attendance.h"
#include "vm/efi_variables.h"
#include "vm/plan.h"

namespace {

using namespace hesper::cli;

// Not for virtual machines: what their programs map is always shared pages.
void add_memory_option(CLI::App& command, hesper::supervisor::WorkerChoices& worker) {
  command.add_option("--memory", worker.memory, "How memory is shared with the client: auto, dmabuf or hostptr")
      ->envname("HESPER_MEMORY")
      ->check(CLI::IsMember({"auto", "dmabuf", "hostptr"}))
      ->type_name("STRATEGY");
}

// What decides on the host's side: also how a capture is replayed.
void add_driver_options(CLI::App& command, hesper::supervisor::WorkerChoices& worker) {
  command
      .add_option("--memory-budget", worker.memory_budget,
                  "What Hesper holds for each client at most, in bytes or with K, M or G (default: 2G): shared memory "
                  "and device memory that is the host's, and what decoding takes")
      ->envname("HESPER_MEMORY_BUDGET")
      ->transform(CLI::AsSizeValue(false))
      ->check(CLI::Range(hesper::supervisor::kLeastMemoryBudget, hesper::supervisor::kMostMemoryBudget))
      ->type_name("SIZE");
  command
      .add_flag("--validate", worker.validate,
                "Load the Khronos validation layer into the workers and log what it finds; for work on Hesper itself")
      ->envname("HESPER_VALIDATE");
  command
      .add_option("--host-driver", worker.host_driver,
                  "Use only the host driver that this Vulkan driver manifest describes")
      ->type_name("FILE");
  command.add_option("--sandbox", worker.sandbox, "How much workers are confined: strict (the default), basic or off")
      ->envname("HESPER_SANDBOX")
      ->check(CLI::IsMember({"strict", "basic", "off"}))
      ->type_name("LEVEL");
  command
      .add_flag("--require-sandbox", worker.require_sandbox,
                "Serve no client where the system does not allow that level; otherwise the nearest one is used")
      ->envname("HESPER_REQUIRE_SANDBOX");
  command
      .add_option(
          "--pass-env", worker.pass_environment,
          "Variables of the environment that workers get beside those that drivers are known to read, separated "
          "by commas; NAME* stands for all that begin so")
      ->envname("HESPER_PASS_ENV")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->type_name("NAMES");
}

// How workers are run, whoever their clients are.
void add_worker_options(CLI::App& command, hesper::supervisor::WorkerChoices& worker,
                        hesper::supervisor::Limits& limits) {
  command.add_flag("-v,--verbose", worker.verbose,
                   "Print the host's GPUs, drivers and memory strategy, and a summary for each client");
  add_driver_options(command, worker);
  command
      .add_option("--address-space", worker.address_space,
                  "The most addresses that a worker may use, as 64G; 0: no limit (default: by driver and memory)")
      ->transform(CLI::AsSizeValue(false))
      ->type_name("SIZE");
  command.add_option("--max-fds", worker.max_fds, "The most files that a worker may hold open (default: 65536)")
      ->check(CLI::Range(64, 1 << 30))
      ->type_name("N");
  command.add_option("--nice", worker.nice, "How much less processor time workers get than others, 0 to 19")
      ->check(CLI::Range(0, 19))
      ->type_name("N");
  command
      .add_option("--shader-cache", worker.shader_cache,
                  "A folder where host drivers keep compiled shaders, for clients that trust each other (default: with "
                  "the strict sandbox none, else the driver's own)")
      ->envname("HESPER_SHADER_CACHE")
      ->type_name("FOLDER");
  command.add_option("--max-clients", limits.max_clients, "Serve at most this many clients at a time; others wait")
      ->check(CLI::Range(1, 10000))
      ->capture_default_str()
      ->type_name("N");
  command
      .add_option("--spare-workers", limits.spare_workers,
                  "Keep so many workers ready, driver loaded, for clients to come")
      ->check(CLI::Range(0, 64))
      ->capture_default_str()
      ->type_name("N");
  command
      .add_option_function<double>(
          "--watchdog",
          [&limits](double seconds) {
            limits.watchdog = std::chrono::milliseconds(static_cast<std::int64_t>(seconds * 1000));
          },
          "Kill a worker in which a command takes longer than this; compiling shaders and work for the GPU may take 12 "
          "times as long; 0: never")
      ->envname("HESPER_WATCHDOG")
      ->check(CLI::Range(0.0, 1e6))
      ->default_str("10")
      ->type_name("SECONDS");
}

// For clients on this machine.
void add_vtest_options(CLI::App& command, hesper::supervisor::WorkerChoices& worker) {
  add_memory_option(command, worker);
  command
      .add_flag(
          "--emulate-dma-buf", worker.emulate_dma_buf,
          "Announce shared memory as dma-bufs, and linear images as DRM format modifier; for programs that present "
          "without a display server, which could not import it")
      ->envname("HESPER_EMULATE_DMA_BUF");
  command
      .add_option("--capture", worker.capture,
                  "Record what the client does into this file, for hesper replay; further clients get FILE-2, FILE-3")
      ->type_name("FILE");
}

void add_gpu_options(CLI::App& command, GpuOptions& options) {
  command.add_option("--socket", options.socket, "Where QEMU connects; a stale socket is replaced")
      ->required()
      ->type_name("PATH");
  command.add_option("--displays", options.displays, "How many screens the guest has, 1 to 16")
      ->check(CLI::Range(1, 16))
      ->capture_default_str()
      ->type_name("N");
  command
      .add_option("--mode", options.modes,
                  "The size and rate of a screen, as 2560x1440@120, or off; again for the second, and so on; the last "
                  "one counts for all further ones (default: 1280x800)")
      ->check([](const std::string& text) {
        const auto mode = parse_display_mode(text);
        return mode ? std::string() : mode.error().message;
      })
      ->allow_extra_args(false)
      ->type_name("MODE");
  command.add_flag("--once", options.once, "Serve one virtual machine, and end with it");
  command
      .add_option("--window", options.window_size,
                  "The most that the guest can map of its programs' host memory, a power of two (default: 4G); 0: the "
                  "guest gets screens, but no Vulkan")
      ->transform(CLI::AsSizeValue(false))
      ->check([](const std::string& text) {
        std::uint64_t bytes = 0;
        const bool possible =
            CLI::detail::lexical_cast(text, bytes) &&
            (bytes == 0 || (std::has_single_bit(bytes) && bytes >= (1u << 20) && bytes <= (1ULL << 46)));
        return possible ? std::string() : std::string("The window's size is a power of two from 1M to 64T, or 0.");
      })
      ->type_name("SIZE");
  command
      .add_option("--host-memory", options.host_memory,
                  "What the guest's pictures may take of the host's memory (default: 1G)")
      ->transform(CLI::AsSizeValue(false))
      ->type_name("SIZE");
  command
      .add_option("--max-resources", options.max_resources, "How many resources the guest may make (default: 262144)")
      ->check(CLI::Range(1, 1 << 30))
      ->type_name("N");
  command
      .add_option("--context-queue", options.context_queue,
                  "What may wait for the worker of one of the guest's programs; beyond that, the program is lost "
                  "(default: 128M)")
      ->transform(CLI::AsSizeValue(false))
      ->type_name("SIZE");
  command
      .add_option("--release-timeout", options.release_timeout,
                  "Kill a worker that keeps memory of a program for so long although another one waits for it")
      ->check(CLI::Range(0.0, 1e6))
      ->default_str("10")
      ->type_name("SECONDS");
  command
      .add_option_function<std::string>(
          "--guest-memory",
          [&options](const std::string& order) {
            options.memory_first.reset();
            if (order != "auto") options.memory_first = order == "memory-first";
          },
          "Whether the guest's Mesa allocates memory before the blob that it maps (memory-first: needs a host driver "
          "under which memory can be moved) or after it (blob-first: Mesa up to 26.1 at least can hang while it sends "
          "megabytes of shaders); auto: the first where it works")
      ->check(CLI::IsMember({"auto", "memory-first", "blob-first"}))
      ->default_str("auto")
      ->type_name("ORDER");
  command.add_flag("--inline-shaders", options.inline_shaders,
                   "Where blobs come first, offer Vulkan 1.4, VK_KHR_maintenance5 and VK_EXT_graphics_pipeline_library "
                   "all the same: programs that use them hang in the guest's Mesa up to 26.1 at least");
  command
      .add_option("--import-granularity", options.worker.import_granularity,
                  "Import memory into the host's driver in steps of at least this size, a power of two; for tests of "
                  "hosts with larger pages")
      ->transform(CLI::AsSizeValue(false))
      ->type_name("SIZE");
  add_worker_options(command, options.worker, options.limits);
}

// Which virtual machine is meant.
void add_machine_options(CLI::App& command, std::string& name, std::filesystem::path& socket) {
  CLI::Option* by_name = command.add_option("VM", name, "Its name, see hesper list; not needed if only one runs");
  command.add_option("--socket", socket, "That of a hesper gpu which hesper run has not started")
      ->type_name("PATH")
      ->excludes(by_name);
}

int run(int argc, char** argv) {
  CLI::App app("Hesper, a virtual GPU: runs Vulkan programs against the host's driver through Mesa's Venus.", "hesper");
  app.set_version_flag("--version", "hesper " HESPER_VERSION);
  app.require_subcommand(1);
  app.footer(
      "The environment variable HESPER_LOG sets what is logged: error, warn, info, debug, trace or off.\n"
      "Example: hesper exec -v -- vkcube");

  ExecOptions exec_options;
  CLI::App* exec_command = app.add_subcommand("exec", "Run a program on Venus, served by Hesper");
  exec_command->usage("Usage: hesper exec [OPTIONS] [--] PROGRAM [ARGUMENTS...]");
  exec_command
      ->add_option("--icd", exec_options.venus_icd,
                   "The manifest of the Venus driver to give to the program (default: virtio_icd*.json in the folders "
                   "of the Vulkan loader)")
      ->envname("HESPER_VENUS_ICD")
      ->type_name("FILE");
  exec_command
      ->add_flag("--low-latency", exec_options.low_latency,
                 "End the program's waits for fences within tens of microseconds, at the price of throughput")
      ->envname("HESPER_LOW_LATENCY");
  add_worker_options(*exec_command, exec_options.worker, exec_options.limits);
  add_vtest_options(*exec_command, exec_options.worker);
  exec_command->prefix_command();
  exec_command->footer(
      "Exit status: the program's; 128 + N if signal N ended it; 127 if it is not found, 126 if it cannot be\n"
      "executed, 125 if Hesper itself fails.");

  ServeOptions serve_options;
  CLI::App* serve_command = app.add_subcommand("vtest", "Serve Venus clients at a socket until interrupted");
  serve_command->add_option("--socket", serve_options.socket, "Where to listen; a stale socket is replaced")
      ->required()
      ->type_name("PATH");
  add_worker_options(*serve_command, serve_options.worker, serve_options.limits);
  add_vtest_options(*serve_command, serve_options.worker);

  ReplayOptions replay_options;
  CLI::App* replay_command = app.add_subcommand("replay", "Replay a capture on the host's driver");
  replay_command->add_option("FILE", replay_options.file, "What --capture wrote")->required()->check(CLI::ExistingFile);
  replay_command->add_flag("--pixels", replay_options.pixels, "Also digest every picture that the client could read");
  replay_command->add_option("--dump-images", replay_options.dump_images, "Write these pictures into DIR, as PNG")
      ->type_name("DIR");
  replay_command->add_flag("--json", replay_options.json, "Print JSON");
  replay_command->add_option("--repeat", replay_options.repeat, "Replay N times; the rate is the median")
      ->check(CLI::Range(1, 100000))
      ->type_name("N");
  replay_command->add_option("--until", replay_options.until, "Stop after N commands")->type_name("N");
  add_memory_option(*replay_command, replay_options.worker);
  add_driver_options(*replay_command, replay_options.worker);
  replay_command->footer(
      "Exit status: 0; 1 if the capture cannot be replayed to its end or its commands differ from what was recorded;\n"
      "128 + N if signal N ended the worker that replays.");

  CaptureOptions capture_options;
  CLI::App* capture_command = app.add_subcommand("capture", "Look into a capture");
  capture_command->require_subcommand(1);
  CLI::App* show_command = capture_command->add_subcommand("show", "Print the commands, one a line");
  CLI::App* info_command = capture_command->add_subcommand("info", "Print a summary");
  for (CLI::App* command : {show_command, info_command}) {
    command->add_option("FILE", capture_options.file, "What --capture wrote")->required()->check(CLI::ExistingFile);
    command->add_flag("--json", capture_options.json, "Print JSON");
  }
  show_command->add_option("--commands", capture_options.commands, "Only these: N..M, N.., ..M or N, counted from 1")
      ->type_name("RANGE");
  show_command->add_option("--stream", capture_options.stream, "Only this stream's; 0 is the context's, rings follow")
      ->type_name("S");

  GpuOptions gpu_options;
  CLI::App* gpu_command = app.add_subcommand("gpu", "Be the GPU of a virtual machine: a vhost-user device for QEMU");
  add_gpu_options(*gpu_command, gpu_options);

  ListFormat list_format = ListFormat::table;
  CLI::App* list_command = app.add_subcommand("list", "List the virtual machines that hesper run runs");
  list_command->add_flag_callback("--json", [&] { list_format = ListFormat::json; }, "Print JSON");
  list_command->add_flag_callback("--names", [&] { list_format = ListFormat::names; }, "Print the names only");

  StopOptions stop_options;
  CLI::App* stop_command = app.add_subcommand("stop", "Shut a virtual machine down, and wait until it has ended");
  CLI::Option* stopped = stop_command->add_option("VM", stop_options.name, "Its name; not needed if only one runs");
  stop_command
      ->add_option("--qmp", stop_options.qmp,
                   "The QMP socket of a QEMU that hesper run has not started, see hesper export")
      ->type_name("PATH")
      ->excludes(stopped);
  stop_command->add_flag("--force", stop_options.force, "End it at once, as pulling the plug would");
  stop_command->add_option("--timeout", stop_options.seconds, "How long to wait for the guest to shut down")
      ->check(CLI::Range(1, 86'400))
      ->capture_default_str()
      ->type_name("SECONDS");

  std::string machine_name;
  std::filesystem::path gpu_socket;
  ScreenshotOptions screenshot_options;
  CLI::App* screenshot_command = app.add_subcommand("screenshot", "Write what a virtual machine shows as a PNG file");
  add_machine_options(*screenshot_command, machine_name, gpu_socket);
  screenshot_command->add_option("-o,--output", screenshot_options.output, "Where to write it")
      ->capture_default_str()
      ->type_name("PNG");
  screenshot_command->add_option("--display", screenshot_options.display, "Which screen, counted from 0")
      ->capture_default_str()
      ->type_name("N");
  screenshot_command->add_flag("--cursor", screenshot_options.cursor, "Draw the cursor into it");

  DisplayOptions display_options;
  CLI::App* display_command = app.add_subcommand("display", "Change the screens of a virtual machine");
  add_machine_options(*display_command, machine_name, gpu_socket);
  display_command->require_subcommand(1);
  CLI::App* set_command = display_command->add_subcommand("set", "Give a screen another mode, or switch it off");
  set_command->add_option("DISPLAY", display_options.display, "Which screen, counted from 0")->required();
  set_command->add_option("MODE", display_options.mode, "As 2560x1440@120, or off")->required();
  CLI::App* add_command =
      display_command->add_subcommand("add", "Connect the first screen that is not, and print its number");
  add_command->add_option("MODE", display_options.mode, "As 2560x1440@120 (default: 1280x800)");
  CLI::App* remove_command = display_command->add_subcommand("remove", "Disconnect a screen, as set DISPLAY off does");
  remove_command->add_option("DISPLAY", display_options.display, "Which screen, counted from 0")->required();
  CLI::App* display_list_command =
      display_command->add_subcommand("list", "Print all screens, their modes and what they show");
  display_list_command->add_flag("--json", display_options.json, "Print JSON");

  ViewOptions view_options;
  bool view_verbose = false;
  CLI::App* view_command = app.add_subcommand("view", "Show the screens of a virtual machine");
  add_machine_options(*view_command, machine_name, gpu_socket);
  view_command->add_flag("-v,--verbose", view_verbose, "Print what outputs and viewers do");
  std::filesystem::path view_state;
  std::filesystem::path view_report;
  view_command->add_option("--state", view_state, "A file for its token and ports, to have them again the next time")
      ->type_name("FILE");
  view_command->add_option("--report", view_report, "Where hesper top finds its outputs: SOCKET.view")
      ->type_name("PATH");
  add_view_options(*view_command, view_options);

  RunOptions run_options;
  CLI::App* run_command = add_run_command(app, *gpu_command, *view_command, run_options);

  ExportOptions export_options;
  CLI::App* export_command = add_export_command(app, *gpu_command, *view_command, export_options);

  InputOptions input_options;
  CLI::App* input_command = app.add_subcommand("input", "Type and point in a virtual machine, for scripts");
  add_machine_options(*input_command, machine_name, gpu_socket);
  input_command
      ->add_option("-e,--execute", input_options.lines,
                   "A line to execute; again for further ones (default: those of standard input)")
      ->allow_extra_args(false)
      ->type_name("LINE");
  input_command->footer(
      "Lines: type TEXT; key CHORD, as ctrl+alt+f2; down KEY; up KEY; click [left|right|middle|side|extra]; down and\n"
      "up of button-left and so on; move X Y [DISPLAY] and touch FINGER X Y [DISPLAY], in pixels; lift FINGER; by X "
      "Y;\n"
      "scroll VERTICAL [HORIZONTAL], in notches; wait MILLISECONDS; leds. What is down at the end is let go.\n"
      "Example: hesper input debian -e 'type root\\n' -e 'key alt+f2'");

  TopOptions top_options;
  CLI::App* top_command =
      app.add_subcommand("top", "Show what the GPU of a virtual machine does: frames, copies, contexts, memory");
  add_machine_options(*top_command, machine_name, gpu_socket);
  top_command->add_option("--interval", top_options.interval, "Time between two reports")
      ->check(CLI::Range(0.1, 3600.0))
      ->capture_default_str()
      ->type_name("SECONDS");
  top_command
      ->add_option("-n,--count", top_options.count,
                   "End after so many reports; the first one covers the time since the device began (default: until "
                   "it is interrupted)")
      ->type_name("N");
  top_command->add_flag("--json", top_options.json, "Print a line of JSON for each report");

  ProveOptions prove_options;
  CLI::App* prove_command = add_prove_command(app, prove_options);
  DoctorOptions doctor_options;
  CLI::App* doctor_command = add_doctor_command(app, doctor_options);
  FactsOptions facts_options;
  CLI::App* facts_command = add_facts_command(app, facts_options);
  SelfTestOptions self_test_options;
  CLI::App* self_test_command = add_self_test_command(app, self_test_options);
  TuneOptions tune_options;
  CLI::App* tune_command = add_tune_command(app, tune_options);

  // What hesper run starts; see vm/attendance.h.
  std::filesystem::path kept_folder;
  CLI::App* attend_command = app.add_subcommand("attend")->group("");
  CLI::App* keep_command = app.add_subcommand("keep")->group("");
  keep_command->add_option("FOLDER", kept_folder)->required();

  hesper::screen::RecordOptions record_options;
  CLI::App* record_command =
      app.add_subcommand("record", "Write what a screen of a virtual machine shows to a video file");
  add_machine_options(*record_command, machine_name, gpu_socket);
  add_record_command_options(*record_command, record_options);
  hesper::cli::ViewOptions recorder_options;
  add_view_sandbox_options(*record_command, recorder_options);
  record_command->footer(
      "The recording begins with the first picture, and ends with its duration, the virtual machine, or Ctrl-C.");

  std::filesystem::path efi_template;
  std::filesystem::path efi_variables;
  unsigned efi_gpu_slot = hesper::vm::kGpuSlot;
  CLI::App* efi_command = app.add_subcommand(
      "efi-variables", "Make a variable store for EFI firmware that shows its messages on Hesper's GPU");
  efi_command->add_option("TEMPLATE", efi_template, "The firmware's own, as OVMF_VARS_4M.fd or AAVMF_VARS.fd")
      ->required()
      ->check(CLI::ExistingFile);
  efi_command->add_option("FILE", efi_variables, "What to make; if it is there already, nothing is done")->required();
  efi_command->add_option("--gpu-slot", efi_gpu_slot, "The PCI slot on pcie.0 that the GPU has, as in QEMU's addr=0x1")
      ->check(CLI::Range(0, 31))
      ->capture_default_str()
      ->type_name("N");
  PlanOptions plan_options;
  CLI::App* plan_command = add_plan_command(app, plan_options);
  PassthroughOptions passthrough_options;
  const PassthroughCommands passthrough = add_passthrough_commands(app, passthrough_options);

  std::string shell;
  CLI::App* completion_command = app.add_subcommand("completion", "Print a shell's completion script");
  completion_command->add_option("SHELL", shell, "bash, zsh or fish")->required();

  // CLI11 sees nothing from "--" on: it would reorder the program's arguments.
  char** const end = argv + argc;
  char** split = std::find(argv, end, std::string_view("--"));
  try {
    auto words = with_values(std::span<char* const>(argv, split).subspan(1));
    std::ranges::reverse(words);  // as CLI11 wants them
    app.parse(std::move(words));
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : kExitHesperFailed;
  }

  const bool verbose = exec_options.worker.verbose || serve_options.worker.verbose || gpu_options.worker.verbose ||
                       run_options.verbose || export_options.run.verbose;
  hesper::log::start("hesper", verbose ? "info" : "warn");
  if (*exec_command) {
    exec_options.command = exec_command->remaining();
    if (exec_options.command.empty() && split != end) ++split;  // this "--" is ours, a later one the program's
    exec_options.command.insert(exec_options.command.end(), split, end);
    if (exec_options.command.empty()) {
      hesper::log::error("There is no program to run. Example: hesper exec -- vkcube");
      return kExitHesperFailed;
    }
    return exec(argv[0], exec_options);
  }
  if (*serve_command) return serve(argv[0], serve_options);
  if (*gpu_command) return serve_gpu(argv[0], gpu_options);
  if (*run_command) return run_virtual_machine(argv[0], run_options);
  if (*export_command) return export_machine(argv[0], export_options);
  if (*prove_command) return prove_and_print(argv[0], prove_options);
  if (*plan_command) return plan(argv[0], plan_options);
  if (*passthrough.plan) return plan_passthrough(argv[0], passthrough_options);
  if (*passthrough.enable) return enable_passthrough(argv[0], passthrough_options);
  if (*passthrough.disable) return disable_passthrough(passthrough_options);
  if (*tune_command) return tune(argv[0], tune_options);
  if (*list_command) return list_machines(list_format);
  if (*stop_command) return stop_machine(stop_options);
  if (*attend_command) return hesper::vm::attend(std::vector<std::string>(std::min(split + 1, end), end));
  if (*efi_command) {
    const auto made = hesper::vm::make_efi_variables(efi_template, efi_variables, efi_gpu_slot);
    if (!made) hesper::log::error("{}", made.error().message);
    return made ? 0 : 1;
  }
  if (*doctor_command) return doctor(argv[0], doctor_options);
  if (*facts_command) return print_facts(argv[0], facts_options);
  if (*self_test_command) return run_self_test(argv[0], self_test_options);
  if (*keep_command) return hesper::vm::keep(kept_folder);
  if (*screenshot_command || *display_command || *top_command || *view_command || *record_command || *input_command) {
    auto found = find_gpu_socket(gpu_socket, machine_name);
    if (!found) {
      hesper::log::error("{}", found.error().message);
      return 1;
    }
    if (*record_command) {
      auto arguments = arguments_of(record_options);
      arguments.push_back("--sandbox=" + recorder_options.sandbox);
      if (recorder_options.require_sandbox) arguments.emplace_back("--require-sandbox");
      return become_view(argv[0], *found, arguments);
    }
    if (*view_command) return become_view(argv[0], *found, arguments_of(*view_command, {"help", "socket"}));
    screenshot_options.socket = display_options.socket = top_options.socket = input_options.socket = *found;
  }
  if (*screenshot_command) return take_screenshot(screenshot_options);
  if (*input_command) return send_input(input_options);
  if (*top_command) return show_top(top_options);
  if (*display_list_command) return list_displays(display_options);
  if (*add_command) return add_display(display_options);
  if (*remove_command) display_options.mode = "off";
  if (*display_command) return set_display(display_options);
  if (*replay_command) return replay(argv[0], replay_options);
  if (*capture_command) {
    return show_capture_file(argv[0], *show_command ? CaptureView::show : CaptureView::info, capture_options);
  }
  const auto script = completion_script(app, shell);
  if (!script) {
    hesper::log::error("{}", script.error().message);
    return 1;
  }
  fmt::print("{}", *script);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  return with_standard_output([&] { return run(argc, argv); });
}
