// RingMonitor: ALIVE comes back within the period, from another thread than the ring's.
#include "render/ring_monitor.h"

#include <gtest/gtest.h>

#include <thread>

#include "guest_ring.h"
#include "support/captured_log.h"

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

// As Mesa does, and does not do any more when it holds the ring's mutex and wants it again.
TEST(RingMonitor, TellsOnceOfAClientThatWaitsForItself) {
  struct Waiting : Recorder {
    bool on_command(std::uint32_t) override { return ring->wait_virtqueue_seqno(1); }
    Ring* ring = nullptr;
  };
  GuestRing monitored(256);  // Mesa has a monitor for its first ring only
  GuestRing guest(256);
  Recorder recorder;
  Waiting consumer;
  Ring first(monitored.theirs(), monitored.layout(), {.name = "first"}, recorder);
  Ring ring(guest.theirs(), guest.layout(), {.name = "test"}, consumer);
  consumer.ring = &ring;
  ring.start();
  const auto rounds = [&](int count) {
    for (; count > 0; --count) {
      monitored.status().fetch_and(~kRingAlive);
      while ((monitored.status().load() & kRingAlive) == 0) std::this_thread::yield();
    }
  };
  const auto logged = [&](const auto& happens) {
    const hesper::test::CapturedLog log;
    {
      RingMonitor monitor(std::chrono::nanoseconds(1));
      monitor.add(first, milliseconds(1));
      monitor.add(ring, milliseconds(0));
      rounds(2);
      happens();
      rounds(3);
    }
    return log.text();
  };

  EXPECT_EQ(logged([&] {
              const std::uint32_t word = 0;
              if (guest.write({&word, 1})) ring.wake();  // waits before the number is there
              ring.submit_virtqueue_seqno(1);
              EXPECT_EQ(ring.wait_seqno(4), Ring::Wait::reached);
            }),
            "");
  EXPECT_EQ(guest.status().load() & kRingAlive, 0u) << "It has no monitor.";

  const std::string said = logged([&] { ring.submit_virtqueue_seqno(2); });
  const auto at = said.find("wait for itself");
  EXPECT_NE(at, std::string::npos) << said;
  EXPECT_EQ(said.find("wait for itself", at + 1), std::string::npos) << said;
}

}  // namespace
}  // namespace hesper::render::test
