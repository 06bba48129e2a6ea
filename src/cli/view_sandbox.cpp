// Choosing the level of hesper-view, and entering it.
#include "cli/view_sandbox.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <string_view>

#include "base/log.h"
#include "platform/system.h"
#include "video/encoder.h"
#include "video/trial.h"

namespace hesper::cli {
namespace {

constexpr std::chrono::seconds kPatience{5};

bool is_of_hardware(std::string_view encoder) {
  const video::EncoderKind* kind = video::find_encoder_kind(encoder);
  return kind != nullptr && kind->hardware;
}

bool names_hardware(const ViewOptions& options) {
  return (options.web && std::ranges::any_of(options.web->encoders, is_of_hardware)) ||
         (options.record && is_of_hardware(options.record->codec));
}

// All browsers decode H.264, but for some that come without patents.
std::vector<std::string> encoders_for_browsers(const std::string& program, sandbox::Level level) {
  std::vector<std::string> trial;
  if (platform::may_have_gpu())
    trial = {program, fmt::format("--sandbox={}", sandbox::name_of(level)), "--try-encoder"};
  std::vector<std::string> encoders = video::working_encoders(video::Codec::h264, trial, kPatience);
  encoders.emplace_back("libvpx-vp9");
  return encoders;
}

}  // namespace

Result<ViewSandbox> choose_view_sandbox(const ViewOptions& options, const std::string& program) {
  ViewSandbox chosen;
  if (const auto level = sandbox::parse_level(options.sandbox)) chosen.level = *level;
  if (options.window && chosen.level == sandbox::Level::strict) {
    if (options.sandbox != "auto")
      return fail(
          "Windows take a display server and drivers that look for their files, which --sandbox strict leaves no way "
          "to. Say basic, or show the screens otherwise.");
    chosen.level = sandbox::Level::basic;
    chosen.reason = "a window takes a display server, and drivers that look for their files.";
  }
  if (options.web && options.web->encoders.empty()) chosen.encoders = encoders_for_browsers(program, chosen.level);
  if (names_hardware(options) || std::ranges::any_of(chosen.encoders, is_of_hardware))
    chosen.process = sandbox::Process::view_with_gpu;
  return chosen;
}

Result<void> enter_view_sandbox(const ViewSandbox& wanted, bool required) {
  sandbox::Options options{
      .level = wanted.level, .process = wanted.process, .choices = {}, .log_prefix = "hesper-view"};
  // The guest's memory is mapped here, whatever its size; and GPUs have addresses of their own for a window's driver.
  options.choices.address_space = 0;
  const auto report = sandbox::enter(options);
  const bool reached = report.reached == report.asked;
  for (const auto& shortfall : report.shortfalls)
    log::log(reached ? spdlog::level::info : spdlog::level::warn, "The sandbox lacks something: {}", shortfall);
  for (const auto& remark : report.remarks) log::info("{}", remark);
  log::info("The sandbox is {}.", sandbox::describe(report));
  if (!wanted.reason.empty()) log::info("It is not strict: {}", wanted.reason);
  if (reached) return {};
  if (required)
    return fail(fmt::format("The sandbox level {} cannot be reached, and --require-sandbox demands it.",
                            sandbox::name_of(report.asked)));
  log::warn("The sandbox is {} instead of {}.", sandbox::name_of(report.reached), sandbox::name_of(report.asked));
  return {};
}

}  // namespace hesper::cli
