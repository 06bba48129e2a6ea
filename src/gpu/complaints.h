// Complaints: log lines about what a guest asks for, not more than a person can read.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string_view>

namespace hesper::gpu {

// A burst of ten lines, then one a second. What is left out is counted, and told with the next line.
class Complaints {
 public:
  using Clock = std::chrono::steady_clock;
  using Write = std::function<void(std::string_view line)>;

  // now, write: for tests; the clock, and the log's warnings.
  explicit Complaints(std::function<Clock::time_point()> now = {}, Write write = {});

  void complain(std::string_view line);

 private:
  std::function<Clock::time_point()> now_;
  Write write_;
  Clock::time_point last_;
  std::uint32_t allowed_;
  std::uint64_t left_out_ = 0;
};

}  // namespace hesper::gpu
