// Progress: what a recording has so far, as a line on a terminal that is written again and again, and what it was in
// the end. Records nothing.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <string>

namespace hesper::screen::record {

struct Totals {
  std::uint64_t frames = 0;
  std::uint64_t bytes = 0;
  double seconds = 0;
  std::uint32_t width = 0;
  std::uint32_t height = 0;
  std::string encoder;
  bool complete = false;  // the file is finished
};

// On standard error, and only if that is a terminal.
class Progress {
 public:
  explicit Progress(bool wanted);
  [[nodiscard]] bool is_shown() const noexcept { return wanted_; }
  // At most some times a second.
  void show(const Totals& totals);
  // Before anybody else writes to the terminal.
  void clear();

 private:
  bool wanted_;
  bool shown_ = false;
  std::chrono::steady_clock::time_point next_;
};

// "345 frames in 12.3 s, 1.2 MB"
[[nodiscard]] std::string describe(const Totals& totals);
[[nodiscard]] std::string to_json(const std::filesystem::path& file, const Totals& totals);

}  // namespace hesper::screen::record
