// RingMonitor: tells guests that this process lives, from a thread of its own, since ring threads may block for long
// inside the driver. Guests abort when a monitored ring's ALIVE bit stays clear.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <thread>
#include <unordered_map>

#include "render/ring.h"

namespace hesper::render {

class RingMonitor {
 public:
  RingMonitor() = default;
  ~RingMonitor();
  RingMonitor(const RingMonitor&) = delete;
  RingMonitor& operator=(const RingMonitor&) = delete;

  // Sets ALIVE now and then at least once per period (> 0). Borrows ring until remove(); starts the thread when needed.
  void add(Ring& ring, std::chrono::microseconds period);
  // After it returns the monitor no longer touches the ring. Unknown rings are ignored.
  void remove(Ring& ring);

 private:
  void run();

  std::mutex mutex_;
  std::condition_variable changed_;
  std::unordered_map<Ring*, std::chrono::microseconds> rings_;
  bool stop_ = false;
  std::thread thread_;
};

}  // namespace hesper::render
