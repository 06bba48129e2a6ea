// The program hesper-view: shows the screens of one virtual machine to people, by any number of outputs
// (view_outputs.h), each with threads of its own. `hesper run` starts it, and starts it anew when it dies; `hesper
// view` and `hesper record` become it. The guest notices none of that.
//
// It connects to hesper-gpu's control socket: a feed of frames (frame/protocol.h), and input channels; and to QEMU's
// end of the clipboard agent's port. It ends when the device is gone, when all its outputs are over, and upon SIGINT,
// SIGTERM, SIGHUP or SIGQUIT.
//
// It has no sandbox yet: it loads codecs, and may talk to a network.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "base/log.h"
#include "cli/control_client.h"
#include "cli/record_options.h"
#include "cli/view_options.h"
#include "cli/view_outputs.h"
#include "cli/view_reports.h"
#include "clipboard/agent_clipboard.h"
#include "frame/remote_source.h"
#include "input/remote_input.h"
#include "platform/event_loop.h"
#include "platform/process.h"
#include "platform/signals.h"
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

// Tries those of hardware in processes of this program; which takes some tenths of a second.
std::vector<std::string> working_encoders(video::Codec codec, const char* argv0) {
  std::string program = "hesper-view";  // in PATH
  if (const auto folder = platform::own_directory(argv0)) program = (*folder / "hesper-view").native();
  return video::working_encoders(codec, {std::move(program), "--try-encoder"}, std::chrono::seconds(5));
}

// For browsers: all decode H.264, but for some that come without patents.
std::vector<std::string> encoders_for_browsers(const char* argv0) {
  std::vector<std::string> encoders = working_encoders(video::Codec::h264, argv0);
  encoders.emplace_back("libvpx-vp9");
  return encoders;
}

// encoders_for_browsers(), once.
class Encoders {
 public:
  explicit Encoders(const char* argv0) : argv0_(argv0) {}
  [[nodiscard]] const std::vector<std::string>& names() {
    std::call_once(once_, [this] { names_ = encoders_for_browsers(argv0_); });
    return names_;
  }

 private:
  const char* argv0_;
  std::once_flag once_;
  std::vector<std::string> names_;
};

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
  auto source = frame::RemoteSource::create(std::move(*feed), [&loop] { loop.stop(); });
  if (!source) return std::unexpected(std::move(source.error()));
  auto input =
      input::RemoteInput::create([&] { return cli::open_channel(arguments.socket, device::ControlCommand::input); });
  if (!input) return std::unexpected(std::move(input.error()));
  std::unique_ptr<clipboard::AgentClipboard> clipboard;
  const clipboard::AgentSession::Options& allowed = arguments.options.clipboard;
  if (!arguments.options.agent.empty() && (allowed.to_guest || allowed.from_guest)) {
    auto made = clipboard::AgentClipboard::create(arguments.options.agent, allowed);
    if (!made) return std::unexpected(std::move(made.error()));
    clipboard = std::move(*made);
  }
  Encoders encoders(argv0);
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
  for (const cli::OutputKind& kind : cli::output_kinds()) {
    if (!kind.wanted(arguments.options)) continue;
    auto output = kind.open(arguments.options, {.source = **source,
                                                .input = **input,
                                                .clipboard = clipboard.get(),
                                                .ledger = ledger,
                                                .state = *state,
                                                .name = arguments.name,
                                                .encoders = [&encoders] { return encoders.names(); },
                                                .over =
                                                    [&, number = outputs.size()] {
                                                      loop.post([&, number] {
                                                        end(outputs[number]);
                                                        if (--open == 0) loop.stop();
                                                      });
                                                    }});
    if (!output) return std::unexpected(std::move(output.error()));
    const std::string description = (*output)->describe();
    if (!description.empty() && !state->is_known()) fmt::print(stderr, "hesper: {}\n", description);
    outputs.push_back(std::move(*output));
    ++open;
  }
  if (outputs.empty()) return fail("Nothing is said about where the screens shall be shown; see --help.");

  std::unique_ptr<cli::ViewReports> reports;
  if (!arguments.report.empty()) {
    auto made = cli::ViewReports::create(loop, ledger, arguments.report);
    if (!made) return std::unexpected(std::move(made.error()));
    reports = std::move(*made);
  }
  const auto told = loop.when_readable(signals->fd(), [&] { loop.stop(); });
  loop.run();
  for (auto& output : outputs) end(output);
  return result;
}

// What working_encoders() starts. Libraries of drivers write to standard error as they like.
int try_encoder(const std::string& name) {
  if (!spdlog::should_log(spdlog::level::debug)) (void)std::freopen("/dev/null", "w", stderr);
  const video::EncoderKind* kind = video::find_encoder_kind(name);
  if (kind == nullptr) return 1;
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
  if (!tried_encoder.empty()) return try_encoder(tried_encoder);
  if (lists_encoders) return list_encoders(argv[0], json);
  if (arguments.socket.empty()) {
    log::error("Whose screens are to be shown is not said; see --socket.");
    return 1;
  }
  const auto done = run(argv[0], arguments);
  if (done) return 0;
  log::error("{}", done.error().message);
  return 1;
}
