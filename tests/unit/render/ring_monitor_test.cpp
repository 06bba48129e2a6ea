// RingMonitor: ALIVE comes back within the period, from another thread than the ring's.
#include "render/ring_monitor.h"

#include <gtest/gtest.h>

#include <thread>

#include "guest_ring.h"

namespace hesper::render::test {
namespace {

using std::chrono::milliseconds;

TEST(RingMonitor, ReportsWithinThePeriodUntilRemoved) {
  GuestRing guest(256);
  Recorder recorder;
  Ring ring(guest.theirs(), guest.layout(), {.name = "test"}, recorder);  // not started: nobody else sets bits
  RingMonitor monitor;
  monitor.add(ring, milliseconds(400));
  EXPECT_NE(guest.status().load() & kRingAlive, 0u) << "The first report comes at once.";
  for (int round = 0; round < 2; ++round) {
    guest.status().fetch_and(~kRingAlive);
    std::this_thread::sleep_for(milliseconds(400));
    EXPECT_NE(guest.status().load() & kRingAlive, 0u);
  }
  monitor.remove(ring);
  guest.status().fetch_and(~kRingAlive);
  std::this_thread::sleep_for(milliseconds(400));
  EXPECT_EQ(guest.status().load() & kRingAlive, 0u);
}

}  // namespace
}  // namespace hesper::render::test
