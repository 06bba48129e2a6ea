// Ledger: percentiles of stages, and what of outputs that are gone.
#include "frame/ledger.h"

#include <gtest/gtest.h>

#include "frame/source.h"
#include "input/sink.h"

namespace hesper::frame {
namespace {

constexpr std::uint64_t kMs = 1'000'000;

Row row(std::uint64_t flushed, std::uint64_t encoded, std::uint64_t sent) {
  Row row{};
  row[static_cast<std::size_t>(Stage::flushed)] = flushed;
  row[static_cast<std::size_t>(Stage::encoded)] = encoded;
  row[static_cast<std::size_t>(Stage::sent)] = sent;
  return row;
}

TEST(Ledger, StagesAreMeasuredFromTheOneBeforeThatHasATime) {
  OutputLedger output("test", 0);
  for (std::uint64_t i = 1; i <= 100; ++i) output.add(row(kMs, kMs + i * kMs, kMs + i * kMs + 2 * kMs));
  const OutputReport report = output.report();
  EXPECT_EQ(report.frames, 100U);
  const auto& encoded = report.stages[static_cast<std::size_t>(Stage::encoded)];
  EXPECT_EQ(encoded.count, 100U);
  EXPECT_DOUBLE_EQ(encoded.p50, 50);
  EXPECT_DOUBLE_EQ(encoded.p95, 95);
  EXPECT_DOUBLE_EQ(encoded.p99, 99);
  EXPECT_DOUBLE_EQ(report.stages[static_cast<std::size_t>(Stage::sent)].p99, 2);
  EXPECT_EQ(report.stages[static_cast<std::size_t>(Stage::taken)].count, 0U);
  EXPECT_DOUBLE_EQ(report.whole.p50, 52);
}

TEST(Ledger, FramesAreCountedByWhatTheyHadCost) {
  OutputLedger output("test", 0);
  Frame frame{.copies = Copies::gathered, .times = {.flushed = 1}};
  output.add(row_of(frame));
  output.add(row_of(frame));
  frame.copies = Copies::none;
  output.add(row_of(frame));
  EXPECT_EQ(output.report().sources, (std::array<std::uint64_t, 3>{1, 0, 2}));
}

TEST(Ledger, KeepsTheNewestRows) {
  OutputLedger output("test", 0);
  for (std::uint64_t i = 1; i <= 1000; ++i) output.add(row(i, i + 1, i + 2));
  const auto rows = output.rows(3);
  ASSERT_EQ(rows.size(), 3U);
  EXPECT_EQ(rows[0], row(998, 999, 1000));
  EXPECT_EQ(rows[2], row(1000, 1001, 1002));
  EXPECT_EQ(output.rows(10000).size(), 512U);
  EXPECT_EQ(output.report().frames, 1000U);
}

TEST(Ledger, StagesThatOvertakeOneAnotherTookNoTime) {
  OutputLedger output("test", 0);
  output.add(row(5 * kMs, 4 * kMs, 6 * kMs));
  EXPECT_DOUBLE_EQ(output.report().stages[static_cast<std::size_t>(Stage::encoded)].p50, 0);
}

TEST(Ledger, RowsWithoutAnyTimeAreNone) {
  OutputLedger output("test", 0);
  output.add(Row{});
  EXPECT_EQ(output.report().frames, 0U);
}

TEST(Ledger, RecentFramesMakeTheRate) {
  OutputLedger output("test", 0);
  const std::uint64_t now = now_ns();
  for (int i = 0; i < 20; ++i) output.add(row(now, now, now));
  output.add(row(1, 1, 1));  // long ago
  EXPECT_DOUBLE_EQ(output.report().frames_per_second, 10);
}

TEST(Ledger, OutputsThatAreGoneAreNotReported) {
  Ledger ledger;
  auto one = ledger.open("one", 0);
  auto other = ledger.open("other", 3);
  ASSERT_EQ(ledger.report().size(), 2U);
  one.reset();
  const auto reports = ledger.report();
  ASSERT_EQ(reports.size(), 1U);
  EXPECT_EQ(reports[0].name, "other");
  EXPECT_EQ(reports[0].display, 3U);
}

}  // namespace
}  // namespace hesper::frame
