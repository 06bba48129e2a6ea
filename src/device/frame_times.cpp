// FrameTimes: a ring of intervals.
#include "device/frame_times.h"

#include <algorithm>
#include <limits>

namespace hesper::device {

void FrameTimes::note(Clock::time_point now) noexcept {
  constexpr std::int64_t kMost = std::numeric_limits<std::uint32_t>::max();
  const auto passed = std::chrono::duration_cast<std::chrono::microseconds>(now - last_).count();
  intervals_[count_ % intervals_.size()] =
      count_ == 0 ? 0 : static_cast<std::uint32_t>(std::clamp<std::int64_t>(passed, 0, kMost));
  last_ = now;
  ++count_;
}

}  // namespace hesper::device
