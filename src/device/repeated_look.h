// RepeatedLook: looks again and again, ever more rarely, for what comes without notice. Knows nothing of what that is.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <functional>
#include <utility>

#include "platform/event_loop.h"

namespace hesper::device {

// The loop's thread.
class RepeatedLook {
 public:
  // As it stands, after 4, 8, ... 256, 256 ms; 10 s in all.
  struct Intervals {
    std::chrono::milliseconds first{4};
    std::chrono::milliseconds longest{256};
    unsigned times = 43;
  };

  // look: may begin and end this. loop outlives this.
  RepeatedLook(platform::EventLoop& loop, std::function<void()> look) : RepeatedLook(loop, std::move(look), {}) {}
  RepeatedLook(platform::EventLoop& loop, std::function<void()> look, Intervals intervals)
      : loop_(loop), look_(std::move(look)), intervals_(intervals) {}
  RepeatedLook(const RepeatedLook&) = delete;
  RepeatedLook& operator=(const RepeatedLook&) = delete;

  // With the first interval, also while it goes on. However often that is said, no look is put off.
  void begin() {
    ++round_;
    wait_ = intervals_.first;
    left_ = intervals_.times;
    schedule();
  }
  void end() {
    ++round_;
    watch_ = {};
  }
  [[nodiscard]] bool goes_on() const noexcept { return static_cast<bool>(watch_); }

 private:
  void schedule() {
    const auto time = std::chrono::steady_clock::now() + wait_;
    if (watch_ && time_ <= time) return;
    time_ = time;
    watch_ = loop_.at(time, [this] { fire(); });
  }
  void fire() {
    watch_ = {};
    const std::uint64_t round = round_;
    look_();
    if (round != round_ || --left_ == 0) return;
    wait_ = std::min(2 * wait_, intervals_.longest);
    schedule();
  }

  platform::EventLoop& loop_;
  const std::function<void()> look_;
  const Intervals intervals_;
  platform::EventLoop::Watch watch_;
  std::chrono::steady_clock::time_point time_;  // of watch_
  std::chrono::milliseconds wait_{};
  unsigned left_ = 0;
  std::uint64_t round_ = 0;  // changes with begin() and end()
};

}  // namespace hesper::device
