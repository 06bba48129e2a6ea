// RingMonitor: the thread.
#include "render/ring_monitor.h"

#include <algorithm>

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
    rings_[&ring] = period;
    ring.set_alive();
    if (!thread_.joinable()) thread_ = std::thread([this] { run(); });
  }
  changed_.notify_all();
}

void RingMonitor::remove(Ring& ring) {
  const std::scoped_lock lock(mutex_);
  rings_.erase(&ring);
}

void RingMonitor::run() {
  platform::name_thread("ring-monitor");
  // The guest looks again a little later than one period; half of it leaves room for a busy host.
  constexpr std::chrono::microseconds kShortest{1000};
  std::unique_lock lock(mutex_);
  while (!stop_) {
    if (rings_.empty()) {
      changed_.wait(lock);
      continue;
    }
    auto period = std::chrono::microseconds::max();
    for (auto& [ring, its_period] : rings_) {
      ring->set_alive();
      period = std::min(period, its_period);
    }
    changed_.wait_for(lock, std::max(period / 2, kShortest));
  }
}

}  // namespace hesper::render
