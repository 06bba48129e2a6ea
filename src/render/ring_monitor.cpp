// RingMonitor: the thread.
#include "render/ring_monitor.h"

#include <algorithm>

#include "base/log.h"
#include "platform/thread.h"

namespace hesper::render {

RingMonitor::~RingMonitor() {
  {
    const std::scoped_lock lock(mutex_);
    stop_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void RingMonitor::add(Ring& ring, std::chrono::microseconds period) {
  {
    const std::scoped_lock lock(mutex_);
    rings_[&ring] = {.period = period};
    if (period.count() != 0) ring.set_alive();
    if (period.count() != 0 && !thread_.joinable()) thread_ = std::thread([this] { run(); });
  }
  changed_.notify_all();
}

void RingMonitor::remove(Ring& ring) {
  const std::scoped_lock lock(mutex_);
  rings_.erase(&ring);
}

void RingMonitor::look_for_stuck() {
  for (auto& [ring, entry] : rings_) {
    if (entry.told_stuck || ring->half_round_trip() < stuck_after_) continue;
    entry.told_stuck = true;
    log::warn(
        "The client's Mesa seems to wait for itself, and then does so for ever: a command of more than 8 KiB needed "
        "new "
        "shared memory (docs/vm.md, \"Programs that hang\").");
  }
}

void RingMonitor::run() {
  platform::name_thread("ring-monitor");
  // The guest looks again a little later than one period; half of it leaves room for a busy host.
  constexpr std::chrono::microseconds kShortest{1000};
  std::unique_lock lock(mutex_);
  while (!stop_) {
    auto period = std::chrono::microseconds::max();
    for (auto& [ring, entry] : rings_) {
      if (entry.period.count() == 0) continue;
      ring->set_alive();
      period = std::min(period, entry.period);
    }
    if (period == std::chrono::microseconds::max()) {
      changed_.wait(lock);
      continue;
    }
    look_for_stuck();
    changed_.wait_for(lock, std::max(period / 2, kShortest));
  }
}

}  // namespace hesper::render
