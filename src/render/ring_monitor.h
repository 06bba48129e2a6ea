// RingMonitor: tells guests that this process lives, from a thread of its own, since ring threads may block for long
// inside the driver. Guests abort when a monitored ring's ALIVE bit stays clear. The same thread looks for clients that
// wait for themselves, and says so in the log, once for each ring.
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
  // Longer than half a round trip takes with a client that runs, however busy its machine is.
  static constexpr std::chrono::seconds kStuckAfter{10};

  explicit RingMonitor(std::chrono::steady_clock::duration stuck_after = kStuckAfter) : stuck_after_(stuck_after) {}
  ~RingMonitor();
  RingMonitor(const RingMonitor&) = delete;
  RingMonitor& operator=(const RingMonitor&) = delete;

  // Sets ALIVE now and then at least once per period; 0: never. Borrows ring until remove(); starts the thread when
  // needed. Mesa has one ring with a period in each context; rings without are looked at as often.
  void add(Ring& ring, std::chrono::microseconds period);
  // After it returns the monitor no longer touches the ring. Unknown rings are ignored.
  void remove(Ring& ring);

 private:
  void run();
  void look_for_stuck();

  std::mutex mutex_;
  std::condition_variable changed_;
  struct Entry {
    std::chrono::microseconds period;
    bool told_stuck = false;
  };

  const std::chrono::steady_clock::duration stuck_after_;
  std::unordered_map<Ring*, Entry> rings_;
  bool stop_ = false;
  std::thread thread_;
};

}  // namespace hesper::render
