// The program hesper-view: shows the screens of one virtual machine to people, by any number of outputs
// (view_outputs.h), each with threads of its own. `hesper run` starts it, and starts it anew when it dies; `hesper
// view` and `hesper record` become it. The guest notices none of that.
//
// It connects to hesper-gpu's control socket: a feed of frames (frame/protocol.h), and input channels; and to QEMU's
// end of the clipboard agent's port. It ends when the device is gone, when all its outputs are over, and upon SIGINT,
// SIGTERM, SIGHUP or SIGQUIT.
//
// It opens what it shows the screens by, leaves an errand process behind that opens what comes later
// (platform/errands.h), and then confines itself (cli/view_sandbox.h): before its first thread, and before the first
// byte of a guest or a viewer is read.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/log.h"
#include "base/tell.h"
#include "cli/control_client.h"
#include "cli/record_options.h"
#include "cli/standard_output.h"
#include "cli/view_options.h"
#include "cli/view_outputs.h"
#include "cli/view_reports.h"
#include "cli/view_sandbox.h"
#include "clipboard/agent_clipboard.h"
#include "frame/remote_source.h"
#include "input/remote_input.h"
#include "platform/errands.h"
#include "platform/event_loop.h"
#include "platform/process.h"
#include "platform/signals.h"
#include "platform/socket.h"
#include "video/ffmpeg.h"
#include "video/trial.h"

namespace {

using namespace hesper;

constexpr std::array kSignals = {SIGHUP, SIGINT, SIGQUIT, SIGTERM};

struct Arguments {
  std::filesystem::path socket;  // of hesper gpu
  std::filesystem::path state;   // empty: nothing is kept
  std::filesystem::path report;  // where to report; empty: nowhere
  std::string name;              // of the virtual machine; may be empty
  bool verbose = false;
  cli::ViewOptions options;
};

std::string own_program(const char* argv0) {
  const auto folder = platform::own_directory(argv0);
  return folder ? (*folder / "hesper-view").native() : "hesper-view";  // in PATH
}

// Tries those of hardware in processes of this program; which takes some tenths of a second.
std::vector<std::string> working_encoders(video::Codec codec, const char* argv0) {
  return video::working_encoders(codec, {own_program(argv0), "--try-encoder"}, std::chrono::seconds(5));
}

// Errands that bring a descriptor and nothing else, from both ends.
Result<platform::Brought> bring(Result<UniqueFd> fd) {
  if (!fd) return std::unexpected(std::move(fd.error()));
  return platform::Brought{.fd = std::move(*fd)};
}
auto fetch(const platform::Errand& errand) {
  return [errand]() -> Result<UniqueFd> {
    auto brought = errand(0);
    if (!brought) return std::unexpected(std::move(brought.error()));
    return std::move(brought->fd);
  };
}

// Listens, and removes the path when it is destroyed.
platform::Errand report_listener(std::filesystem::path path) {
  return [path = std::move(path),
          made = std::make_shared<std::optional<platform::Listener>>()](std::uint32_t) -> Result<platform::Brought> {
    if (*made) return fail("There is one report already.", EALREADY);
    auto listener = platform::Listener::at(path);
    if (!listener) return std::unexpected(std::move(listener.error()));
    made->emplace(std::move(*listener));
    return platform::Brought{.fd = (*made)->take_fd()};
  };
}

Result<void> run(const char* argv0, const Arguments& arguments) {
  platform::ignore_broken_pipes();
  auto signals = platform::SignalPipe::install(kSignals);
  if (!signals) return std::unexpected(std::move(signals.error()));
  auto made_loop = platform::EventLoop::create();
  if (!made_loop) return std::unexpected(std::move(made_loop.error()));
  platform::EventLoop& loop = **made_loop;
  auto state = screen::State::open(arguments.state);
  if (!state) return std::unexpected(std::move(state.error()));
  auto feed = cli::open_channel(arguments.socket, device::ControlCommand::subscribe);
  if (!feed) return std::unexpected(std::move(feed.error()));

  platform::Errands errands;
  const auto open_input = fetch(errands.add([&socket = arguments.socket](std::uint32_t) {
    return bring(cli::open_channel(socket, device::ControlCommand::input));
  }));
  const auto connect_agent = fetch(
      errands.add([&agent = arguments.options.agent](std::uint32_t) { return bring(platform::connect_to(agent)); }));
  const auto listen_for_reports = fetch(errands.add(report_listener(arguments.report)));
  std::vector<screen::Prepared> prepared;
  for (const cli::OutputKind& kind : cli::output_kinds()) {
    if (!kind.wanted(arguments.options)) continue;
    auto output = kind.prepare(arguments.options, {.state = *state, .errands = errands});
    if (!output) return std::unexpected(std::move(output.error()));
    prepared.push_back(std::move(*output));
  }
  if (prepared.empty()) return fail("Nothing is said about where the screens shall be shown; see --help.");

  auto sandbox = cli::choose_view_sandbox(arguments.options, own_program(argv0));
  if (!sandbox) return std::unexpected(std::move(sandbox.error()));
  if (sandbox->level == sandbox::Level::strict)
    if (auto begun = errands.begin(); !begun) return begun;
  if (auto entered = cli::enter_view_sandbox(*sandbox, arguments.options.require_sandbox); !entered) return entered;

  // From here on there are threads, and bytes of guests and viewers are read.
  auto source = frame::RemoteSource::create(std::move(*feed), [&loop] { loop.stop(); });
  if (!source) return std::unexpected(std::move(source.error()));
  auto input = input::RemoteInput::create(open_input);
  if (!input) return std::unexpected(std::move(input.error()));
  std::unique_ptr<clipboard::AgentClipboard> clipboard;
  const clipboard::AgentSession::Options& allowed = arguments.options.clipboard;
  if (!arguments.options.agent.empty() && (allowed.to_guest || allowed.from_guest)) {
    auto made = clipboard::AgentClipboard::create(connect_agent, allowed);
    if (!made) return std::unexpected(std::move(made.error()));
    clipboard = std::move(*made);
  }
  frame::Ledger ledger;

  // Their callbacks post to the loop, which outlives them.
  std::vector<std::unique_ptr<screen::Output>> outputs;
  std::size_t open = 0;
  Result<void> result;  // the first output's that has failed
  const auto end = [&](std::unique_ptr<screen::Output>& output) {
    if (!output) return;
    if (auto finished = output->finish(); !finished && result) result = std::move(finished);
    output.reset();
  };
  for (screen::Prepared& start : prepared) {
    auto output = start({.source = **source,
                         .input = **input,
                         .clipboard = clipboard.get(),
                         .ledger = ledger,
                         .state = *state,
                         .name = arguments.name,
                         .encoders = [&sandbox] { return sandbox->encoders; },
                         .over =
                             [&, number = outputs.size()] {
                               loop.post([&, number] {
                                 end(outputs[number]);
                                 if (--open == 0) loop.stop();
                               });
                             }});
    if (!output) return std::unexpected(std::move(output.error()));
    const std::string description = (*output)->describe();
    if (!description.empty() && !state->is_known()) tell("hesper: {}\n", description);
    outputs.push_back(std::move(*output));
    ++open;
  }

  std::optional<cli::ViewReports> reports;
  if (!arguments.report.empty()) {
    auto listener = listen_for_reports();
    if (!listener) return std::unexpected(std::move(listener.error()));
    reports.emplace(loop, ledger, platform::Listener::made_elsewhere(std::move(*listener)));
  }
  const auto told = loop.when_readable(signals->fd(), [&] { loop.stop(); });
  loop.run();
  for (auto& output : outputs) end(output);
  return result;
}

// What tries an encoder starts. Libraries of drivers write to standard error as they like.
int try_encoder(const std::string& name, const cli::ViewOptions& options) {
  if (!spdlog::should_log(spdlog::level::debug)) (void)std::freopen("/dev/null", "w", stderr);
  const video::EncoderKind* kind = video::find_encoder_kind(name);
  if (kind == nullptr) return 1;
  // As it will be confined when it encodes.
  cli::ViewSandbox sandbox{.level = sandbox::parse_level(options.sandbox).value_or(sandbox::Level::strict)};
  if (kind->hardware) sandbox.process = sandbox::Process::view_with_gpu;
  if (const auto entered = cli::enter_view_sandbox(sandbox, false); !entered) return 1;
  const auto tried = video::try_encoder(*kind);
  if (!tried) log::debug("{}", tried.error().message);
  return tried ? 0 : 1;
}

int list_encoders(const char* argv0, bool json) {
  nlohmann::json list = nlohmann::json::array();
  for (const video::Codec codec : {video::Codec::h264, video::Codec::hevc, video::Codec::av1, video::Codec::vp9}) {
    const auto working = working_encoders(codec, argv0);
    for (const video::EncoderKind& kind : video::encoder_kinds()) {
      if (kind.codec != codec) continue;
      const bool works = std::ranges::contains(working, kind.name);
      list.push_back(
          {{"name", kind.name}, {"codec", video::name_of(codec)}, {"hardware", kind.hardware}, {"works", works}});
      if (!json)
        fmt::print("{:18}  {:5}  {:9}  {}\n", kind.name, video::name_of(codec), kind.hardware ? "hardware" : "",
                   works ? "works" : "-");
    }
  }
  if (json) fmt::print("{}\n", nlohmann::json{{"version", 1}, {"encoders", list}}.dump());
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  Arguments arguments;
  CLI::App app("Shows the screens of a virtual machine. Users start hesper run, hesper view or hesper record.",
               "hesper-view");
  app.set_version_flag("--version", "hesper-view " HESPER_VERSION);
  app.add_option("--socket", arguments.socket, "That of hesper gpu")->type_name("PATH");
  app.add_option("--state", arguments.state, "A file for token and ports, to have them again the next time")
      ->type_name("FILE");
  app.add_option("--report", arguments.report, "Where hesper top may ask")->type_name("PATH");
  app.add_option("--name", arguments.name, "That of the virtual machine, for titles");
  app.add_flag("-v,--verbose", arguments.verbose, "Print what outputs and viewers do");
  cli::add_view_options(app, arguments.options);
  cli::add_record_options(app, arguments.options.record);
  bool lists_encoders = false;
  bool json = false;
  auto* list = app.add_flag("--list-encoders", lists_encoders, "Only print which video encoders work on this host");
  app.add_flag("--json", json, "Print them as JSON")->needs(list);
  std::string tried_encoder;
  app.add_option("--try-encoder", tried_encoder)->group("");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 1;
  }
  log::start("hesper-view", arguments.verbose ? "info" : "warn");
  video::route_ffmpeg_log();
  if (!tried_encoder.empty()) return try_encoder(tried_encoder, arguments.options);
  if (lists_encoders) return cli::with_standard_output([&] { return list_encoders(argv[0], json); });
  if (arguments.socket.empty()) {
    log::error("Whose screens are to be shown is not said; see --socket.");
    return 1;
  }
  return cli::with_standard_output([&] {
    const auto done = run(argv[0], arguments);
    if (done) return 0;
    log::error("{}", done.error().message);
    return 1;
  });
}
