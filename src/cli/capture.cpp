// hesper capture show and info: start the worker that does it.
#include "cli/capture.h"

#include <fcntl.h>
#include <fmt/format.h>

#include <cerrno>
#include <charconv>
#include <cstring>
#include <string_view>

#include "base/log.h"
#include "cli/environment.h"
#include "platform/pipe.h"
#include "platform/process.h"
#include "supervisor/worker_program.h"

namespace hesper::cli {
namespace {

struct Range {
  std::uint64_t first = 1;
  std::uint64_t last = UINT64_MAX;
};

bool parse_number(std::string_view text, std::uint64_t& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size();
}

Result<Range> parse_range(std::string_view text) {
  Range range;
  const std::size_t dots = text.find("..");
  const std::string_view first = text.substr(0, dots);
  const std::string_view last = dots == std::string_view::npos ? first : text.substr(dots + 2);
  const bool well = (first.empty() || parse_number(first, range.first)) &&
                    (last.empty() || parse_number(last, range.last)) && range.first <= range.last;
  if (!well) return fail(fmt::format("'{}' is not a range of commands like 10..20, 10.., ..20 or 10.", text));
  return range;
}

Result<int> run(const char* argv0, CaptureView view, const CaptureOptions& options) {
  Range range;
  if (!options.commands.empty()) {
    auto parsed = parse_range(options.commands);
    if (!parsed) return std::unexpected(std::move(parsed.error()));
    range = *parsed;
  }
  auto worker =
      supervisor::find_worker(argv0, {}, worker_environment(Environment::of_this_process(), std::nullopt).entries());
  if (!worker) return std::unexpected(std::move(worker.error()));
  const UniqueFd file(::open(options.file.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file) return fail_errno(fmt::format("The capture '{}' cannot be opened", options.file.native()), errno);
  auto lifeline = platform::create_pipe();
  if (!lifeline) return std::unexpected(std::move(lifeline.error()));

  using supervisor::kWorkerCapture, supervisor::kWorkerLifeline;
  platform::SpawnOptions spawn{
      .program = worker->path.native(),
      .arguments = {worker->path.native(), view == CaptureView::show ? "--show-fd" : "--info-fd",
                    std::to_string(kWorkerCapture), "--lifeline-fd", std::to_string(kWorkerLifeline), "--name",
                    "capture", "--first", std::to_string(range.first), "--last", std::to_string(range.last)},
      .environment = worker->environment,
      .fds = {{.fd = file.get(), .number = kWorkerCapture},
              {.fd = lifeline->read_end.get(), .number = kWorkerLifeline}},
  };
  if (options.json) spawn.arguments.emplace_back("--json");
  if (options.stream) {
    spawn.arguments.insert(spawn.arguments.end(), {"--stream", std::to_string(*options.stream)});
  }
  const auto child = platform::spawn(spawn);
  if (!child) return std::unexpected(child.error());
  const auto end = platform::wait_for_child(*child);
  if (end.kind == platform::ChildState::Kind::exited) return end.value;
  log::error("The reading of the capture is ended by signal {} ({}).", end.value, ::strsignal(end.value));
  return 128 + end.value;
}

}  // namespace

int show_capture_file(const char* argv0, CaptureView view, const CaptureOptions& options) {
  const auto status = run(argv0, view, options);
  if (status) return *status;
  log::error("{}", status.error().message);
  return 1;
}

}  // namespace hesper::cli
