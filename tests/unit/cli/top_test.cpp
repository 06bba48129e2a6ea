// hesper top: rates, percentiles and copies out of two reports, which may be nonsense.
#include "cli/top.h"

#include <gtest/gtest.h>

#include <limits>
#include <nlohmann/json.hpp>
#include <string>

namespace hesper::cli {
namespace {

using device::DeviceReport;
using device::DisplayReport;

// One display at 60 flushes a second, `seconds` after the device began; every tenth flush comes 30 ms late.
DeviceReport report_after(std::uint64_t seconds) {
  DeviceReport report;
  report.time_ns = 5'000'000'000 + seconds * 1'000'000'000;
  report.uptime_ns = seconds * 1'000'000'000;
  report.display_count = 1;
  DisplayReport& display = report.displays[0];
  display = {
      .connected = 1, .width = 640, .height = 480, .refresh_mhz = 60'000, .shown_width = 640, .shown_height = 480};
  display.flushes = seconds * 60;
  for (std::uint64_t i = 1; i < display.flushes; ++i)
    display.intervals[i % DisplayReport::kIntervals] = i % 10 == 0 ? 46'667 : 16'667;
  report.transfers = seconds * 60;
  report.transferred_bytes = seconds * 60 * 640 * 480 * 4;
  return report;
}

TEST(Top, TheFirstReportCoversTheDevicesLife) {
  const TopSample sample = compare(nullptr, report_after(4));
  EXPECT_DOUBLE_EQ(sample.seconds, 4);
  ASSERT_EQ(sample.displays.size(), 1u);
  EXPECT_DOUBLE_EQ(sample.displays[0].flushes, 60);
  EXPECT_DOUBLE_EQ(sample.transfers, 60);
  EXPECT_DOUBLE_EQ(sample.copies_per_flush.value_or(-1), 1);
}

TEST(Top, PercentilesAreOfTheNewFlushesOnly) {
  DeviceReport before = report_after(4);
  DeviceReport now = report_after(5);
  for (std::uint64_t i = before.displays[0].flushes; i < now.displays[0].flushes; ++i)
    now.displays[0].intervals[i % DisplayReport::kIntervals] = 1000 * static_cast<std::uint32_t>(i - 239);
  const auto interval = compare(&before, now).displays[0].interval;
  ASSERT_TRUE(interval);
  EXPECT_DOUBLE_EQ(interval->p50, 30);
  EXPECT_DOUBLE_EQ(interval->p95, 57);
  EXPECT_DOUBLE_EQ(interval->p99, 59);
}

TEST(Top, AStillScreenHasNoIntervalsAndNoCopies) {
  const DeviceReport report = report_after(4);
  DeviceReport later = report;
  later.time_ns += 1'000'000'000;
  const TopSample sample = compare(&report, later);
  EXPECT_FALSE(sample.displays[0].interval);
  EXPECT_FALSE(sample.copies_per_flush);
  EXPECT_DOUBLE_EQ(sample.displays[0].flushes, 0);
}

TEST(Top, ASingleFlushHasNoInterval) {
  DeviceReport report = report_after(1);
  report.displays[0].flushes = 1;
  EXPECT_FALSE(compare(nullptr, report).displays[0].interval);
}

TEST(Top, NonsenseMakesNothingWorse) {
  DeviceReport most;
  most.display_count = std::numeric_limits<std::uint32_t>::max();
  for (DisplayReport& display : most.displays) display.flushes = std::numeric_limits<std::uint64_t>::max();
  most.transfers = std::numeric_limits<std::uint64_t>::max();
  const DeviceReport none;
  for (const TopSample& sample : {compare(&none, most), compare(&most, none), compare(nullptr, most)}) {
    EXPECT_LE(sample.displays.size(), std::size_t{gpu::VIRTIO_GPU_MAX_SCANOUTS});
    EXPECT_FALSE(to_text(sample).empty());
    EXPECT_TRUE(nlohmann::json::accept(to_json(sample)));
  }
}

TEST(Top, JsonHasWhatTheTextHas) {
  const TopSample sample = compare(nullptr, report_after(4));
  const auto json = nlohmann::json::parse(to_json(sample));
  EXPECT_EQ(json["displays"][0]["mode"], "640x480@60");
  EXPECT_EQ(json["displays"][0]["shows"]["blob"], false);
  EXPECT_DOUBLE_EQ(json["displays"][0]["interval_ms"]["p50"].get<double>(), 16.667);
  EXPECT_DOUBLE_EQ(json["displays"][0]["interval_ms"]["p99"].get<double>(), 46.667);
  EXPECT_NE(to_text(sample).find("640x480@60"), std::string::npos);
  EXPECT_NE(to_text(sample).find("1.00 a flush"), std::string::npos);
}

TEST(Top, TheFeedAndTheWorkersAreShown) {
  DeviceReport before = report_after(4);
  DeviceReport now = report_after(5);
  now.feeds.subscribers = 2;
  now.feeds.frames = {60, 0, 30};
  now.feeds.gathered_bytes = 1 << 20;
  for (std::uint64_t microseconds = 1; microseconds <= 100; ++microseconds) now.feeds.note_delay(microseconds * 1000);
  now.worker_count = 1;
  now.workers[0] = {.context = 7, .blobs = 3, .blob_bytes = 2048};
  std::string("vkcube").copy(now.workers[0].name.data(), now.workers[0].name.size());
  const TopSample sample = compare(&before, now);
  EXPECT_DOUBLE_EQ(sample.told[0], 60);
  EXPECT_DOUBLE_EQ(sample.told[2], 30);
  ASSERT_TRUE(sample.publish);
  EXPECT_DOUBLE_EQ(sample.publish->p50, 0.05);
  const auto json = nlohmann::json::parse(to_json(sample));
  EXPECT_EQ(json["workers"][0]["name"], "vkcube");
  EXPECT_EQ(json["feed"]["frames_per_second"]["gathered"], 30);
  EXPECT_TRUE(json["view"].is_null());
  EXPECT_NE(to_text(sample).find("vkcube (context 7): 3 blobs, 2.0 KiB"), std::string::npos);
}

TEST(Top, NonsenseOfAViewIsSaidToBeThat) {
  TopSample sample = compare(nullptr, report_after(4));
  for (const char* view : {"{", "[]", R"({"outputs": [3]})", R"({"outputs": [{"name": 3}]})"}) {
    sample.view = view;
    EXPECT_NE(to_text(sample).find("hesper-view reports nothing that can be read."), std::string::npos) << view;
    EXPECT_FALSE(to_json(sample).empty());
  }
}

TEST(Top, MoreWorkersThanFitAreCounted) {
  DeviceReport now = report_after(4);
  now.worker_count = 1'000'000;
  EXPECT_NE(to_text(compare(nullptr, now)).find("and 999936 more"), std::string::npos);
}

}  // namespace
}  // namespace hesper::cli
