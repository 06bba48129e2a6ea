// Ledger: how long each stage of a frame's way took, for every output, and what it cost. Draws nothing, sends nothing.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "frame/frame.h"

namespace hesper::frame {

// The stages in their order; the times are those of StageTimes and OutputTimes. A stage that an output does not have
// has no time there, and is left out.
enum class Stage : std::uint8_t {
  submitted,
  rendered,
  flushed,
  published,
  received,
  taken,      // by the output
  converted,  // to what its encoder takes
  encoded,
  sent,          // the last byte went to the socket
  acknowledged,  // the viewer says that it has painted it
  presented,     // on a screen of this host
};
inline constexpr std::size_t kStages = 11;
[[nodiscard]] const char* name_of(Stage stage) noexcept;

// A frame's times, by Stage: nanoseconds as in StageTimes; 0: not known (yet).
struct Row : std::array<std::uint64_t, kStages> {
  Copies copies = Copies::none;  // what it had cost when it was published
  friend bool operator==(const Row&, const Row&) = default;
};
[[nodiscard]] Row row_of(const Frame& frame) noexcept;  // up to `received`

// Now, on the ledger's clock.
[[nodiscard]] inline std::uint64_t now_ns() noexcept {
  return static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now().time_since_epoch())
          .count());
}

struct OutputReport {
  struct Percentiles {
    std::uint64_t count = 0;
    double p50 = 0;  // milliseconds
    double p95 = 0;
    double p99 = 0;
  };
  std::string name;  // "web 127.0.0.1:53211"
  std::uint32_t display = 0;
  std::uint64_t frames = 0;      // that have gone all the way
  std::uint64_t skipped = 0;     // flushes that never became a frame of this output
  std::uint64_t bytes = 0;       // sent or written
  double frames_per_second = 0;  // of the last seconds
  std::uint64_t copies = 0;      // of whole or partial pictures by the output's processor, conversions among them
  std::uint64_t copied_bytes = 0;
  // Of `frames`, by what they had cost when they came: index is frame::Copies. A frame of kind `transfer` or `gathered`
  // is one copy more than `copies` tells.
  std::array<std::uint64_t, 3> sources{};
  // From the stage before that has a time to this one, over the newest rows; stages[Stage::flushed] for instance.
  std::array<Percentiles, kStages> stages{};
  Percentiles whole;  // from `flushed` to the last one
};

// One output's part. Any thread.
class OutputLedger {
 public:
  OutputLedger(std::string name, std::uint32_t display) : name_(std::move(name)), display_(display) {}

  // The frame has gone as far as it goes.
  void add(const Row& row);
  void skip(std::uint64_t frames);
  void count_bytes(std::uint64_t bytes);
  void count_copy(std::uint64_t bytes);
  [[nodiscard]] OutputReport report() const;
  // The newest rows, oldest first; for plots.
  [[nodiscard]] std::vector<Row> rows(std::size_t most) const;

 private:
  static constexpr std::size_t kRows = 512;
  const std::string name_;
  const std::uint32_t display_;
  mutable std::mutex mutex_;
  std::vector<Row> rows_;  // a ring of the newest
  std::uint64_t count_ = 0;
  std::uint64_t skipped_ = 0;
  std::uint64_t bytes_ = 0;
  std::uint64_t copies_ = 0;
  std::uint64_t copied_bytes_ = 0;
  std::array<std::uint64_t, 3> sources_{};
};

// All outputs of this process that live. Any thread.
class Ledger {
 public:
  // The output is in the reports as long as somebody holds what this returns.
  [[nodiscard]] std::shared_ptr<OutputLedger> open(std::string name, std::uint32_t display);
  [[nodiscard]] std::vector<OutputReport> report();

 private:
  std::mutex mutex_;
  std::list<std::weak_ptr<OutputLedger>> outputs_;
};

}  // namespace hesper::frame
