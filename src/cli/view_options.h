// The options of hesper-view, which `hesper view` and `hesper run` have too and pass on. A part for each kind of
// output.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "clipboard/agent_session.h"
#include "screen/record/record.h"
#include "screen/trace/trace.h"
#include "screen/vnc/vnc.h"
#include "screen/web/web.h"
#include "screen/window/window.h"

namespace CLI {
class App;
}

namespace hesper::cli {

// Set: the user has asked for the output.
struct ViewOptions {
  std::optional<screen::RecordOptions> record;  // hesper record's; see record_options.h
  std::optional<screen::TraceOptions> trace;
  std::optional<screen::VncOptions> vnc;
  std::optional<screen::WebOptions> web;
  std::optional<screen::WindowOptions> window;

  std::filesystem::path agent;  // where the guest's clipboard agent is reached; empty: nowhere
  clipboard::AgentSession::Options clipboard;

  std::string sandbox = "auto";  // or a sandbox::Level by name; see view_sandbox.h
  bool require_sandbox = false;
};

// options: filled when the command line is parsed, and must live as long as `command`.
void add_view_options(CLI::App& command, ViewOptions& options);

// Those about hesper-view itself, among them: --sandbox and --require-sandbox.
void add_view_sandbox_options(CLI::App& command, ViewOptions& options);

// What was said on the command line, once more, but for these options ("help", "socket"): "--NAME=VALUE" each.
[[nodiscard]] std::vector<std::string> arguments_of(const CLI::App& command, const std::vector<std::string>& without);

}  // namespace hesper::cli
