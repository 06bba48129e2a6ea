// Watchdog: which commands may take long, and what the record says in words.
#include "supervisor/watchdog.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>
#include <utility>

#include "sandbox/level.h"
#include "wire/names.h"

namespace hesper::supervisor {
namespace {

using flight::Activity;
using Clock = Watchdog::Clock;

// From what drivers do: shader compilers take minutes for the largest ray tracing pipelines; starting a GPU that sleeps
// takes seconds, eight of them ten; a device's end waits for its work; a full queue makes a submission wait, and
// lavapipe executes within it.
constexpr std::string_view kSlow[] = {
    "vkCreateInstance",
    "vkDestroyInstance",
    "vkEnumeratePhysicalDevices",
    "vkEnumeratePhysicalDeviceGroups",
    "vkCreateDevice",
    "vkDestroyDevice",
    "vkCreateGraphicsPipelines",
    "vkCreateComputePipelines",
    "vkCreateRayTracingPipelinesKHR",
    "vkCreateShaderModule",
    "vkCreatePipelineCache",
    "vkMergePipelineCaches",
    "vkQueueSubmit",
    "vkQueueSubmit2",
    "vkQueueBindSparse",
    "vkWaitForFences",
    "vkWaitSemaphores",
    "vkGetQueryPoolResults",
    "vkCopyImageToMemoryMESA",
    "vkCopyMemoryToImageMESA",
    "vkCopyImageToImage",
};

constexpr std::size_t kMaxLines = 4;
constexpr std::size_t kMaxNames = 12;

// "vkCmdDraw x12, vkCmdBindPipeline": the newest first.
std::string folded(const std::vector<flight::Executed>& history, std::size_t first) {
  std::string result;
  std::size_t names = 0;
  for (std::size_t i = first; i < history.size() && names < kMaxNames; ++names) {
    std::size_t count = 1;
    while (i + count < history.size() && history[i + count].type == history[i].type) ++count;
    if (!result.empty()) result += ", ";
    result += activity_name(history[i].type);
    if (count > 1) result += fmt::format(" x{}", count);
    i += count;
  }
  return result;
}

// In floating point, where no two times are too far apart.
double milliseconds_between(flight::Microseconds begin, Clock::time_point end) {
  using Milliseconds = std::chrono::duration<double, std::milli>;
  return (Milliseconds(end.time_since_epoch()) - Milliseconds(begin)).count();
}

std::string line(const flight::StreamView& view, Clock::time_point end) {
  // The times are the worker's word: one that it never had gives a strange number and does no harm.
  const auto& newest = view.history.front();
  std::string result = fmt::format("{} {} {}, its command {}, of a batch that began {:.1f} ms before.",
                                   stream_name(view), view.state == flight::State::idle ? "last executed" : "was in",
                                   activity_name(newest.type), view.count, milliseconds_between(newest.time, end));
  if (view.history.size() > 1) result += fmt::format(" Before: {}.", folded(view.history, 1));
  return result;
}

}  // namespace

Clock::duration Watchdog::period(Clock::duration deadline) noexcept {
  return std::clamp<Clock::duration>(deadline / 5, std::chrono::milliseconds(50), std::chrono::seconds(1));
}

Clock::duration limit_of(std::uint16_t type, Clock::duration deadline) noexcept {
  if (type >= static_cast<std::uint16_t>(Activity::creates_context)) return deadline * kPatience;
  return std::ranges::contains(kSlow, wire::command_name(type)) ? deadline * kPatience : deadline;
}

std::optional<Watchdog::Overdue> Watchdog::look(const flight::Record& record, Clock::time_point now) {
  const auto passed = last_ ? std::min(now - *last_, 2 * period(deadline_)) : Clock::duration();
  last_ = now;
  for (std::size_t i = 0; i < seen_.size(); ++i) {
    const auto view = flight::view(record, i);
    Seen& seen = seen_[i];
    if (!view || view->state != flight::State::busy || view->history.empty()) {
      seen.busy = false;
      continue;
    }
    const bool stuck = seen.busy && seen.count == view->count && seen.pulse == view->pulse;
    seen = {.count = view->count,
            .pulse = view->pulse,
            .busy = true,
            .stalled = stuck ? seen.stalled + passed : Clock::duration()};
    const auto limit = limit_of(view->history.front().type, deadline_);
    if (seen.stalled >= limit) return Overdue{.stream = i, .view = *view, .stalled = seen.stalled, .limit = limit};
  }
  return std::nullopt;
}

std::string stream_name(const flight::StreamView& view) {
  switch (view.kind) {
    case flight::Kind::ring: return fmt::format("ring {}", view.number);
    case flight::Kind::queue: return fmt::format("the queue of timeline {}", view.number);
    default: return "the context stream";
  }
}

std::string_view activity_name(std::uint16_t type) noexcept {
  switch (Activity{type}) {
    case Activity::creates_context: return "(start of the renderer)";
    case Activity::creates_blob: return "(creation of a blob)";
    case Activity::submits_fence: return "(submission of a fence)";
    case Activity::waits_for_fence: return "(wait for a fence)";
  }
  return wire::command_name(type);
}

std::string sandbox_text(const flight::Record& record) {
  const auto level = flight::confinement(record);
  if (!level) return "not in its sandbox yet";
  if (*level > std::to_underlying(sandbox::Level::strict)) return fmt::format("sandbox unknown: it says {}", *level);
  return fmt::format("sandbox {}", sandbox::name_of(static_cast<sandbox::Level>(*level)));
}

std::vector<std::string> last_commands(const flight::Record& record, Clock::time_point end) {
  std::vector<flight::StreamView> views;
  for (std::size_t i = 0; i < flight::kStreams; ++i) {
    auto view = flight::view(record, i);
    if (view && !view->history.empty()) views.push_back(std::move(*view));
  }
  const auto rank = [](const flight::StreamView& view) {
    return std::pair(view.state != flight::State::idle, view.history.front().time);
  };
  std::ranges::stable_sort(views, std::ranges::greater(), rank);
  std::vector<std::string> lines;
  for (const flight::StreamView& view : views) {
    if (!lines.empty() && (view.state == flight::State::idle || lines.size() == kMaxLines)) break;
    lines.push_back(line(view, end));
  }
  return lines;
}

}  // namespace hesper::supervisor
