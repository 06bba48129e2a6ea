// hesper top: what a virtual machine's GPU does, again and again: flushes of each screen and the time between them,
// copies, contexts and their workers, memory; and the outputs of its hesper-view. Asks a running hesper gpu over its
// control socket, and hesper-view where hesper run has it report.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "device/report.h"

namespace hesper::cli {

struct TopOptions {
  std::filesystem::path socket;  // of hesper gpu
  double interval = 1.0;         // seconds between two reports
  std::uint64_t count = 0;       // reports; 0: until it is interrupted
  bool json = false;             // a line a report
};
// Until SIGINT, SIGTERM, or the reports are done. Returns 0, or 1 with an error in the log: nobody answers (any more).
[[nodiscard]] int show_top(const TopOptions& options);

// What happened between two reports. Rates are a second's.
struct TopSample {
  struct Display {
    std::uint32_t number = 0;
    device::DisplayReport now;
    double flushes = 0;  // rate
    // Milliseconds between flushes, of the newest DisplayReport::kIntervals at most; none: there were none.
    struct Percentiles {
      double p50, p95, p99;
    };
    std::optional<Percentiles> interval;
  };
  device::DeviceReport now;
  double seconds = 0;  // that it covers
  std::vector<Display> displays;
  double commands = 0, submissions = 0, transfers = 0, snapshots = 0;  // rates
  double submitted_bytes = 0, transferred_bytes = 0, snapshot_bytes = 0;
  // What subscribers of the displays were told: frames a second, by frame::Copies.
  std::array<double, 3> told{};
  double gathered_bytes = 0;                    // rate
  std::optional<Display::Percentiles> publish;  // milliseconds from flush to publication, of the newest frames
  std::string view;                             // what hesper-view reports (view_reports.h); empty: there is none
  // Copies by the processor for each flush, all screens together; none without a flush.
  std::optional<double> copies_per_flush;
};
// before: nullptr for the first report, which covers the device's whole life. Both are as the device says; nonsense
// makes nonsense, but nothing worse.
[[nodiscard]] TopSample compare(const device::DeviceReport* before, const device::DeviceReport& now);

[[nodiscard]] std::string to_text(const TopSample& sample);
[[nodiscard]] std::string to_json(const TopSample& sample);  // one line

}  // namespace hesper::cli
