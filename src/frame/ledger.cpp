// Ledger: rings of rows, sorted when somebody asks.
#include "frame/ledger.h"

#include <algorithm>
#include <utility>

namespace hesper::frame {
namespace {

constexpr std::array<const char*, kStages> kNames = {"submitted", "rendered",     "flushed",   "published",
                                                     "received",  "taken",        "converted", "encoded",
                                                     "sent",      "acknowledged", "presented"};

OutputReport::Percentiles percentiles(std::vector<std::uint64_t>& nanoseconds) {
  if (nanoseconds.empty()) return {};
  std::ranges::sort(nanoseconds);
  const auto at = [&](std::size_t percent) {
    return static_cast<double>(nanoseconds[(nanoseconds.size() - 1) * percent / 100]) / 1e6;
  };
  return {.count = nanoseconds.size(), .p50 = at(50), .p95 = at(95), .p99 = at(99)};
}

std::size_t last_stage(const Row& row) {
  std::size_t stage = kStages;
  while (stage > 0 && row[stage - 1] == 0) --stage;
  return stage - 1;  // rows have one
}

}  // namespace

const char* name_of(Stage stage) noexcept { return kNames[static_cast<std::size_t>(stage)]; }

Row row_of(const Frame& frame) noexcept {
  Row row{};
  const auto put = [&](Stage stage, std::uint64_t time) { row[static_cast<std::size_t>(stage)] = time; };
  put(Stage::submitted, frame.times.submitted);
  put(Stage::rendered, frame.times.rendered);
  put(Stage::flushed, frame.times.flushed);
  put(Stage::published, frame.times.published);
  put(Stage::received, frame.times.received);
  row.copies = frame.copies;
  return row;
}

void OutputLedger::add(const Row& row) {
  if (std::ranges::all_of(row, [](std::uint64_t time) { return time == 0; })) return;
  const std::scoped_lock lock(mutex_);
  if (rows_.size() < kRows)
    rows_.push_back(row);
  else
    rows_[count_ % kRows] = row;
  ++count_;
  ++sources_[static_cast<std::size_t>(row.copies)];
}

void OutputLedger::skip(std::uint64_t frames) {
  const std::scoped_lock lock(mutex_);
  skipped_ += frames;
}

void OutputLedger::count_bytes(std::uint64_t bytes) {
  const std::scoped_lock lock(mutex_);
  bytes_ += bytes;
}

void OutputLedger::count_copy(std::uint64_t bytes) {
  const std::scoped_lock lock(mutex_);
  ++copies_;
  copied_bytes_ += bytes;
}

std::vector<Row> OutputLedger::rows(std::size_t most) const {
  const std::scoped_lock lock(mutex_);
  std::vector<Row> rows;
  const std::size_t have = std::min(most, rows_.size());
  for (std::uint64_t i = count_ - have; i < count_; ++i) rows.push_back(rows_[i % kRows]);
  return rows;
}

OutputReport OutputLedger::report() const {
  const std::vector<Row> newest = rows(kRows);
  OutputReport report;
  {
    const std::scoped_lock lock(mutex_);
    report = {.name = name_,
              .display = display_,
              .frames = count_,
              .skipped = skipped_,
              .bytes = bytes_,
              .copies = copies_,
              .copied_bytes = copied_bytes_,
              .sources = sources_};
  }
  std::array<std::vector<std::uint64_t>, kStages> steps;
  std::vector<std::uint64_t> whole;
  constexpr std::uint64_t kSeconds = 2;
  const std::uint64_t now = now_ns();
  std::uint64_t recent = 0;
  for (const Row& row : newest) {
    std::uint64_t before = 0;
    for (std::size_t stage = 0; stage < kStages; ++stage) {
      if (row[stage] == 0) continue;
      // Stages of other threads may overtake one another by a moment.
      if (before != 0) steps[stage].push_back(row[stage] > before ? row[stage] - before : 0);
      before = row[stage];
    }
    const std::uint64_t end = row[last_stage(row)];
    const std::uint64_t flushed = row[static_cast<std::size_t>(Stage::flushed)];
    if (flushed != 0 && end >= flushed) whole.push_back(end - flushed);
    if (end + kSeconds * 1'000'000'000 > now) ++recent;
  }
  for (std::size_t stage = 0; stage < kStages; ++stage) report.stages[stage] = percentiles(steps[stage]);
  report.whole = percentiles(whole);
  report.frames_per_second = static_cast<double>(recent) / kSeconds;
  return report;
}

std::shared_ptr<OutputLedger> Ledger::open(std::string name, std::uint32_t display) {
  auto output = std::make_shared<OutputLedger>(std::move(name), display);
  const std::scoped_lock lock(mutex_);
  outputs_.push_back(output);
  return output;
}

std::vector<OutputReport> Ledger::report() {
  std::vector<std::shared_ptr<OutputLedger>> living;
  {
    const std::scoped_lock lock(mutex_);
    std::erase_if(outputs_, [](const auto& output) { return output.expired(); });
    for (const auto& output : outputs_)
      if (auto held = output.lock()) living.push_back(std::move(held));
  }
  std::vector<OutputReport> reports;
  for (const auto& output : living) reports.push_back(output->report());
  return reports;
}

}  // namespace hesper::frame
