// hesper top: differences of reports.
#include "cli/top.h"

#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <span>
#include <string_view>
#include <utility>

#include "base/log.h"
#include "cli/control_client.h"
#include "cli/display_mode.h"
#include "cli/standard_output.h"
#include "cli/view_reports.h"
#include "frame/ledger.h"
#include "platform/signals.h"

namespace hesper::cli {
namespace {

using device::DeviceReport;
using device::DisplayReport;
using nlohmann::json;

std::uint64_t difference(std::uint64_t before, std::uint64_t now) { return now > before ? now - before : 0; }

// microseconds: not empty.
TopSample::Display::Percentiles percentiles(std::vector<std::uint32_t> microseconds) {
  std::ranges::sort(microseconds);
  const auto at = [&](std::size_t percent) { return microseconds[(microseconds.size() - 1) * percent / 100] / 1000.0; };
  return {.p50 = at(50), .p95 = at(95), .p99 = at(99)};
}

std::optional<TopSample::Display::Percentiles> intervals(const DisplayReport& display, std::uint64_t new_flushes) {
  // The very first flush has none before it.
  const std::uint64_t with_interval = std::min(new_flushes, display.flushes > 0 ? display.flushes - 1 : 0);
  const std::uint64_t count = std::min<std::uint64_t>(with_interval, DisplayReport::kIntervals);
  if (count == 0) return std::nullopt;
  std::vector<std::uint32_t> sorted;
  for (std::uint64_t i = 0; i < count; ++i)
    sorted.push_back(display.intervals[(display.flushes - 1 - i) % DisplayReport::kIntervals]);
  return percentiles(std::move(sorted));
}

std::optional<TopSample::Display::Percentiles> publish_times(const device::FeedCounts& feeds, std::uint64_t since) {
  const std::uint64_t count =
      std::min<std::uint64_t>(difference(since, feeds.delay_count), device::FeedCounts::kDelays);
  if (count == 0) return std::nullopt;
  std::vector<std::uint32_t> newest;
  for (std::uint64_t i = 0; i < count; ++i)
    newest.push_back(feeds.delays[(feeds.delay_count - 1 - i) % device::FeedCounts::kDelays]);
  return percentiles(std::move(newest));
}

std::string bytes_text(double bytes) {
  constexpr const char* kUnits[] = {"B", "KiB", "MiB", "GiB"};
  std::size_t unit = 0;
  while (bytes >= 1024 && unit + 1 < std::size(kUnits)) {
    bytes /= 1024;
    ++unit;
  }
  return fmt::format("{:.{}f} {}", bytes, unit == 0 ? 0 : 1, kUnits[unit]);
}

std::string mode_text(const DisplayReport& display) {
  return to_string(DisplayMode{.connected = display.connected != 0,
                               .width = display.width,
                               .height = display.height,
                               .refresh_mhz = display.refresh_mhz});
}

std::span<const device::WorkerReport> workers_of(const DeviceReport& report) {
  return std::span(report.workers).first(std::min<std::uint64_t>(report.worker_count, report.workers.size()));
}

std::string name_of(const device::WorkerReport& worker) {
  return {worker.name.begin(), std::ranges::find(worker.name, '\0')};
}

// hesper-view's report as a table; a note if it is none.
std::string view_text(const std::string& view) {
  if (view.empty()) return {};
  const json report = json::parse(view, nullptr, false);
  try {
    std::string text;
    for (const json& output : report.at("outputs")) {
      const double frames = output.at("frames").get<double>();
      const auto a_frame = [&](const json& count) { return frames > 0 ? count.get<double>() / frames : 0; };
      const json& sources = output.at("sources");
      text +=
          fmt::format("\n{}, display {}: {:.1f} frames/s, {} skipped, {} sent\n", output.at("name").get<std::string>(),
                      output.at("display").get<unsigned>(), output.at("frames_per_second").get<double>(),
                      output.at("skipped").get<std::uint64_t>(), bytes_text(output.at("bytes").get<double>()));
      text +=
          fmt::format("  copies a frame: {:.2f} by the guest's transfers, {:.2f} by hesper-gpu, {:.2f} here\n",
                      a_frame(sources.at("transfer")), a_frame(sources.at("gathered")), a_frame(output.at("copies")));
      const auto row = [&](std::string_view name, const json& percentiles) {
        text += fmt::format("  {:<14} {:>8.2f} {:>8.2f} {:>8.2f}\n", name, percentiles.at("p50").get<double>(),
                            percentiles.at("p95").get<double>(), percentiles.at("p99").get<double>());
      };
      if (output.at("whole_ms").is_null()) continue;
      text += fmt::format("  {:<14} {:>8} {:>8} {:>8}\n", "stage, ms", "p50", "p95", "p99");
      for (std::size_t stage = 0; stage < frame::kStages; ++stage) {
        const char* name = frame::name_of(static_cast<frame::Stage>(stage));
        if (output.at("stages_ms").contains(name)) row(name, output.at("stages_ms").at(name));
      }
      row("flush to end", output.at("whole_ms"));
    }
    return text;
  } catch (const json::exception&) {
    return "\nhesper-view reports nothing that can be read.\n";
  }
}

// False: a signal came.
bool wait(platform::SignalPipe& signals, double seconds) {
  pollfd waiting{.fd = signals.fd(), .events = POLLIN, .revents = 0};
  return ::poll(&waiting, 1, static_cast<int>(seconds * 1000)) == 0;
}

}  // namespace

TopSample compare(const DeviceReport* before, const DeviceReport& now) {
  static const DeviceReport kNothing;
  TopSample sample;
  sample.now = now;
  sample.seconds =
      static_cast<double>(before != nullptr ? difference(before->time_ns, now.time_ns) : now.uptime_ns) / 1e9;
  if (before == nullptr) before = &kNothing;
  const auto rate = [&](std::uint64_t DeviceReport::* what) {
    return sample.seconds > 0 ? static_cast<double>(difference(before->*what, now.*what)) / sample.seconds : 0;
  };
  std::uint64_t flushes = 0;
  const auto count = std::min<std::size_t>(now.display_count, now.displays.size());
  for (std::size_t i = 0; i < count; ++i) {
    const DisplayReport& display = now.displays[i];
    const std::uint64_t passed = difference(before->displays[i].flushes, display.flushes);
    flushes += passed;
    sample.displays.push_back({.number = static_cast<std::uint32_t>(i),
                               .now = display,
                               .flushes = sample.seconds > 0 ? static_cast<double>(passed) / sample.seconds : 0,
                               .interval = intervals(display, passed)});
  }
  sample.commands = rate(&DeviceReport::commands);
  sample.submissions = rate(&DeviceReport::submissions);
  sample.submitted_bytes = rate(&DeviceReport::submitted_bytes);
  sample.transfers = rate(&DeviceReport::transfers);
  sample.transferred_bytes = rate(&DeviceReport::transferred_bytes);
  sample.snapshots = rate(&DeviceReport::snapshots);
  sample.snapshot_bytes = rate(&DeviceReport::snapshot_bytes);
  for (std::size_t i = 0; i < sample.told.size(); ++i) {
    const std::uint64_t passed = difference(before->feeds.frames[i], now.feeds.frames[i]);
    sample.told[i] = sample.seconds > 0 ? static_cast<double>(passed) / sample.seconds : 0;
  }
  const std::uint64_t gathered = difference(before->feeds.gathered_bytes, now.feeds.gathered_bytes);
  sample.gathered_bytes = sample.seconds > 0 ? static_cast<double>(gathered) / sample.seconds : 0;
  sample.publish = publish_times(now.feeds, before->feeds.delay_count);
  if (flushes > 0) {
    const std::uint64_t copies =
        difference(before->transfers, now.transfers) + difference(before->snapshots, now.snapshots);
    sample.copies_per_flush = static_cast<double>(copies) / static_cast<double>(flushes);
  }
  return sample;
}

std::string to_text(const TopSample& sample) {
  const DeviceReport& now = sample.now;
  const std::uint64_t up = now.uptime_ns / 1'000'000'000;
  std::string text = fmt::format("hesper-gpu, up {}:{:02}:{:02}, {}\n\n", up / 3600, up / 60 % 60, up % 60,
                                 now.has_guest != 0 ? "a guest's driver runs or ran" : "no guest's driver yet");
  text += "display  mode                  shows              flushes/s   interval p50     p95     p99 ms\n";
  for (const TopSample::Display& display : sample.displays) {
    const std::string shows = display.now.shown_width == 0
                                  ? std::string("nothing")
                                  : fmt::format("{}x{}{}", display.now.shown_width, display.now.shown_height,
                                                display.now.shows_blob != 0 ? " blob" : "");
    text += fmt::format("{:<8} {:<21} {:<18} {:>9.1f}", display.number, mode_text(display.now), shows, display.flushes);
    if (display.interval)
      text += fmt::format("   {:>12.1f} {:>7.1f} {:>7.1f}", display.interval->p50, display.interval->p95,
                          display.interval->p99);
    text += '\n';
  }
  text += fmt::format("\ncopies     from guest memory {:.1f}/s, {}/s; for screenshots {:.1f}/s, {}/s; {} a flush\n",
                      sample.transfers, bytes_text(sample.transferred_bytes), sample.snapshots,
                      bytes_text(sample.snapshot_bytes),
                      sample.copies_per_flush ? fmt::format("{:.2f}", *sample.copies_per_flush) : std::string("-"));
  text += fmt::format("commands   {:.1f}/s, of which submissions {:.1f}/s, {}/s; {} wait\n", sample.commands,
                      sample.submissions, bytes_text(sample.submitted_bytes), now.waiting_requests);
  text += fmt::format("holds      {} contexts, {} resources, {} mapped blobs, {} of memory\n", now.contexts,
                      now.resources, now.mapped_blobs, bytes_text(static_cast<double>(now.host_memory)));
  text += fmt::format(
      "feed       {} subscribers, {} images shared; frames told {:.1f}/s without a copy, {:.1f}/s after a transfer, "
      "{:.1f}/s copied here, {}/s\n",
      now.feeds.subscribers, now.feeds.shared_images, sample.told[0], sample.told[1], sample.told[2],
      bytes_text(sample.gathered_bytes));
  if (sample.publish)
    text += fmt::format("           from flush to subscriber p50 {:.2f}, p95 {:.2f}, p99 {:.2f} ms\n",
                        sample.publish->p50, sample.publish->p95, sample.publish->p99);
  for (const device::WorkerReport& worker : workers_of(now))
    text += fmt::format("worker     {} (context {}): {} blobs, {}; {} wait\n", name_of(worker), worker.context,
                        worker.blobs, bytes_text(static_cast<double>(worker.blob_bytes)),
                        bytes_text(static_cast<double>(worker.waiting_bytes)));
  if (now.worker_count > now.workers.size())
    text += fmt::format("           and {} more\n", now.worker_count - now.workers.size());
  return text + view_text(sample.view);
}

std::string to_json(const TopSample& sample) {
  json displays = json::array();
  for (const TopSample::Display& display : sample.displays) {
    json entry{{"display", display.number},      {"connected", display.now.connected != 0},
               {"mode", mode_text(display.now)}, {"shows", nullptr},
               {"flushes", display.now.flushes}, {"flushes_per_second", display.flushes},
               {"interval_ms", nullptr}};
    if (display.now.shown_width != 0)
      entry["shows"] = {{"width", display.now.shown_width},
                        {"height", display.now.shown_height},
                        {"blob", display.now.shows_blob != 0}};
    if (display.interval)
      entry["interval_ms"] = {
          {"p50", display.interval->p50}, {"p95", display.interval->p95}, {"p99", display.interval->p99}};
    displays.push_back(std::move(entry));
  }
  const DeviceReport& now = sample.now;
  json workers = json::array();
  for (const device::WorkerReport& worker : workers_of(now))
    workers.push_back({{"name", name_of(worker)},
                       {"context", worker.context},
                       {"blobs", worker.blobs},
                       {"blob_bytes", worker.blob_bytes},
                       {"waiting_bytes", worker.waiting_bytes}});
  json feed{
      {"subscribers", now.feeds.subscribers},
      {"shared_images", now.feeds.shared_images},
      {"frames_per_second", {{"none", sample.told[0]}, {"transfer", sample.told[1]}, {"gathered", sample.told[2]}}},
      {"gathered_bytes_per_second", sample.gathered_bytes},
      {"flush_to_published_ms", nullptr}};
  if (sample.publish)
    feed["flush_to_published_ms"] = {
        {"p50", sample.publish->p50}, {"p95", sample.publish->p95}, {"p99", sample.publish->p99}};
  const json view = json::parse(sample.view, nullptr, false);
  const json all{{"uptime_seconds", static_cast<double>(now.uptime_ns) / 1e9},
                 {"seconds", sample.seconds},
                 {"displays", std::move(displays)},
                 {"copies",
                  {{"from_guest_memory_per_second", sample.transfers},
                   {"from_guest_memory_bytes_per_second", sample.transferred_bytes},
                   {"screenshots_per_second", sample.snapshots},
                   {"screenshot_bytes_per_second", sample.snapshot_bytes},
                   {"per_flush", sample.copies_per_flush ? json(*sample.copies_per_flush) : json(nullptr)}}},
                 {"commands_per_second", sample.commands},
                 {"submissions_per_second", sample.submissions},
                 {"submitted_bytes_per_second", sample.submitted_bytes},
                 {"contexts", now.contexts},
                 {"resources", now.resources},
                 {"mapped_blobs", now.mapped_blobs},
                 {"waiting_requests", now.waiting_requests},
                 {"host_memory", now.host_memory},
                 {"feed", std::move(feed)},
                 {"workers", std::move(workers)},
                 {"worker_count", now.worker_count},
                 {"view", view.is_discarded() ? json() : view}};
  return all.dump(-1, ' ', false, json::error_handler_t::replace);
}

int show_top(const TopOptions& options) {
  const auto failed = [](const Error& error) {
    log::error("{}", error.message);
    return 1;
  };
  static constexpr int kEnds[] = {SIGINT, SIGTERM};
  auto signals = platform::SignalPipe::install(kEnds);
  if (!signals) return failed(signals.error());
  const bool redraws = !options.json && ::isatty(STDOUT_FILENO) == 1;
  std::optional<DeviceReport> before;
  for (std::uint64_t shown = 0; options.count == 0 || shown < options.count; ++shown) {
    if (shown > 0 && !wait(*signals, options.interval)) return 0;
    auto report = ask_for_report(options.socket);
    if (!report) return failed(report.error());
    TopSample sample = compare(before ? &*before : nullptr, *report);
    if (auto view = ask_view(view_reports(options.socket))) sample.view = std::move(*view);
    if (redraws) fmt::print("\x1b[H\x1b[2J");
    if (!redraws && !options.json && shown > 0) fmt::print("\n");
    fmt::print("{}{}", options.json ? to_json(sample) : to_text(sample), options.json ? "\n" : "");
    flush_standard_output();
    before = *report;
  }
  return 0;
}

}  // namespace hesper::cli
