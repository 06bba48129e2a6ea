// FrameTimes: when the newest flushes of a scanout came, for reports. Knows no pixel.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>

#include "device/report.h"

namespace hesper::device {

class FrameTimes {
 public:
  using Clock = std::chrono::steady_clock;

  // now: not before the last one's.
  void note(Clock::time_point now) noexcept;
  [[nodiscard]] std::uint64_t count() const noexcept { return count_; }
  // As DisplayReport has them.
  [[nodiscard]] const std::array<std::uint32_t, DisplayReport::kIntervals>& intervals() const noexcept {
    return intervals_;
  }

 private:
  std::array<std::uint32_t, DisplayReport::kIntervals> intervals_{};
  std::uint64_t count_ = 0;
  Clock::time_point last_;
};

}  // namespace hesper::device
