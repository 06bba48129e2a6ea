// Ring: layout rules, wrap-around, idle and wake-up races, seqno waits. Run under TSan too.
#include "render/ring.h"

#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <numeric>
#include <thread>
#include <vector>

#include "guest_ring.h"

namespace hesper::render::test {
namespace {

using std::chrono::microseconds;
using std::chrono::seconds;

bool eventually(const std::function<bool()>& condition) {
  const auto end = std::chrono::steady_clock::now() + seconds(20);
  while (std::chrono::steady_clock::now() < end) {
    if (condition()) return true;
    std::this_thread::sleep_for(microseconds(50));
  }
  return false;
}

struct LayoutCase {
  const char* name;
  std::function<void(wire::VkRingCreateInfoMESA&)> change;
  bool ok;
};

TEST(RingLayout, Rules) {
  const LayoutCase cases[] = {
      {"as Mesa makes it", [](auto&) {}, true},
      {"no extra region", [](auto& i) { i.extraSize = 0; }, true},
      {"buffer size not a power of two", [](auto& i) { i.bufferSize = 3000; }, false},
      {"buffer size zero", [](auto& i) { i.bufferSize = 0; }, false},
      {"buffer larger than 16 MiB", [](auto& i) { i.bufferSize = 32u << 20; }, false},
      {"ring outside the resource", [](auto& i) { i.offset = 8; }, false},
      {"offset overflows", [](auto& i) { i.offset = SIZE_MAX - 3; }, false},
      {"size overflows", [](auto& i) { i.size = SIZE_MAX; }, false},
      {"head misaligned", [](auto& i) { i.headOffset = 2; }, false},
      {"head behind the end", [](auto& i) { i.headOffset = i.size; }, false},
      {"head offset overflows", [](auto& i) { i.headOffset = SIZE_MAX - 3; }, false},
      {"tail on head", [](auto& i) { i.tailOffset = i.headOffset; }, false},
      {"status inside the buffer", [](auto& i) { i.statusOffset = i.bufferOffset + 4; }, false},
      {"buffer over the end", [](auto& i) { i.bufferOffset += 8; }, false},
      {"extra over the end", [](auto& i) { i.extraSize = 8; }, false},
      {"extra inside the buffer", [](auto& i) { i.extraOffset = i.bufferOffset; }, false},
  };
  for (const LayoutCase& c : cases) {
    GuestRing guest(4096);
    wire::VkRingCreateInfoMESA info = guest.info();
    c.change(info);
    EXPECT_EQ(check_ring_layout(info, guest.theirs().size()).has_value(), c.ok) << c.name;
  }
}

TEST(Ring, KeepsOrderOverTheWrap) {
  GuestRing guest(256);
  Recorder recorder;
  Ring ring(guest.theirs(), guest.layout(), {.name = "test"}, recorder);
  ring.start();
  constexpr std::uint32_t kCommands = 20000;
  std::uint32_t value = 0;
  std::vector<std::uint32_t> words;
  while (value < kCommands) {
    words.resize(1 + value % 7);
    std::iota(words.begin(), words.end(), value);
    ASSERT_TRUE(eventually([&] { return guest.room() >= words.size() * 4; }));
    value += static_cast<std::uint32_t>(words.size());
    if (guest.write(words)) ring.wake();
  }
  EXPECT_TRUE(eventually([&] { return guest.head().load(std::memory_order_acquire) == guest.position(); }));
  EXPECT_FALSE(recorder.out_of_order.load());
}

TEST(Ring, PositionsWrapAt32Bits) {
  GuestRing guest(64);
  Recorder recorder;
  // The guest may start anywhere as long as head agrees; 2^32 is near after long use.
  Ring ring(guest.theirs(), guest.layout(), {.name = "test"}, recorder);
  EXPECT_TRUE(ring.fresh());
  guest.head().store(0xffff'fff0u);
  guest.tail().store(0xffff'fff0u);
  ring.start();
  guest.tail().store(0x10u, std::memory_order_seq_cst);
  ring.wake();
  EXPECT_TRUE(eventually([&] { return guest.head().load(std::memory_order_acquire) == 0x10u; }));
  EXPECT_EQ(ring.wait_seqno(0xffff'fff8u), Ring::Wait::reached);
  EXPECT_FALSE(recorder.broke.load());
}

TEST(Ring, HeadAdvancesCommandByCommand) {
  struct Blocking : Recorder {
    bool on_command(std::uint32_t value) override {
      if (value == 1) gate.wait(false);
      return true;
    }
    std::atomic<bool> gate{false};
  };
  GuestRing guest(256);
  Blocking consumer;
  Ring ring(guest.theirs(), guest.layout(), {.name = "test"}, consumer);
  ring.start();
  const std::uint32_t words[] = {0, 1, 2};
  if (guest.write(words)) ring.wake();  // it may have become idle by now
  EXPECT_TRUE(eventually([&] { return guest.head().load(std::memory_order_acquire) == 4; }));
  EXPECT_EQ(ring.wait_seqno(4), Ring::Wait::reached);
  consumer.gate = true;
  consumer.gate.notify_all();
  EXPECT_EQ(ring.wait_seqno(12), Ring::Wait::reached);
}

// The guest notifies only when it sees IDLE. Whatever the timing, every command must be executed.
TEST(Ring, IdleAndWakeNeverLoseACommand) {
  GuestRing guest(4096);
  Recorder recorder;
  Ring ring(guest.theirs(), guest.layout(), {.name = "test", .idle_timeout = microseconds(20)}, recorder);
  ring.start();
  int notified = 0;
  for (std::uint32_t value = 0; value < 1000; ++value) {
    if (guest.write({&value, 1})) {
      ring.wake();
      ++notified;
    }
    ASSERT_TRUE(eventually([&] { return guest.head().load(std::memory_order_acquire) == guest.position(); })) << value;
    // Pauses around the time-out, so that writes meet every state of the renderer.
    for (std::uint32_t i = 0; i < value % 97; ++i) std::this_thread::yield();
    if (value % 50 == 0) std::this_thread::sleep_for(microseconds(300));
  }
  EXPECT_FALSE(recorder.out_of_order.load());
  EXPECT_GT(notified, 0) << "The ring never went idle, so the test tried nothing.";
}

TEST(Ring, SleepsWhenIdleAndWakesOnNotify) {
  GuestRing guest(256);
  Recorder recorder;
  Ring ring(guest.theirs(), guest.layout(), {.name = "test"}, recorder);
  ring.start();
  EXPECT_TRUE(eventually([&] { return (guest.status().load() & kRingIdle) != 0; }));
  ring.wake();  // without work: idle again
  EXPECT_TRUE(eventually([&] { return (guest.status().load() & kRingIdle) != 0; }));
  const std::uint32_t word = 0;
  // The thread may not have got round to the wake-up without work yet, and then clears IDLE only now.
  if (guest.write({&word, 1})) ring.wake();
  EXPECT_TRUE(eventually([&] { return guest.head().load() == 4; }));
}

TEST(Ring, NotIdleBeforeTheTimeout) {
  GuestRing guest(256);
  Recorder recorder;
  Ring ring(guest.theirs(), guest.layout(), {.name = "test", .idle_timeout = std::chrono::milliseconds(300)}, recorder);
  const auto start = std::chrono::steady_clock::now();
  ring.start();
  EXPECT_TRUE(eventually([&] { return (guest.status().load() & kRingIdle) != 0; }));
  EXPECT_GE(std::chrono::steady_clock::now() - start, std::chrono::milliseconds(300));
}

TEST(Ring, BadTailIsBroken) {
  for (const std::uint32_t tail : {257u, 260u, 2u, 0x8000'0000u}) {
    GuestRing guest(256);
    Recorder recorder;
    Ring ring(guest.theirs(), guest.layout(), {.name = "test"}, recorder);
    guest.tail().store(tail);
    ring.start();
    EXPECT_TRUE(eventually([&] { return recorder.broke.load(std::memory_order_acquire); })) << tail;
    EXPECT_NE(recorder.reason().find(std::to_string(tail)), std::string::npos) << recorder.reason();
  }
}

TEST(Ring, ConsumerThatFailsEndsTheThread) {
  struct Failing : Recorder {
    bool on_command(std::uint32_t) override { return false; }
  };
  GuestRing guest(256);
  Failing consumer;
  Ring ring(guest.theirs(), guest.layout(), {.name = "test"}, consumer);
  ring.start();
  const std::uint32_t words[] = {1, 2};
  if (guest.write(words)) ring.wake();
  ring.request_stop();
  EXPECT_EQ(ring.wait_seqno(8), Ring::Wait::stopped);
  EXPECT_EQ(guest.head().load(), 0u);
}

TEST(Ring, StatusBits) {
  GuestRing guest(256);
  Recorder recorder;
  Ring ring(guest.theirs(), guest.layout(), {.name = "test"}, recorder);
  ring.set_alive();
  EXPECT_EQ(guest.status().load(), kRingAlive);
  EXPECT_FALSE(ring.fresh());
  guest.status().fetch_and(~kRingAlive);  // as the guest does when it waits
  ring.set_fatal();
  EXPECT_EQ(guest.status().load(), kRingFatal);
}

TEST(Ring, ExtraRegion) {
  GuestRing guest(256);
  Recorder recorder;
  Ring ring(guest.theirs(), guest.layout(), {.name = "test"}, recorder);
  EXPECT_TRUE(ring.write_extra(0, 77));
  EXPECT_EQ(guest.extra().load(), 77u);
  EXPECT_FALSE(ring.write_extra(4, 1));
  EXPECT_FALSE(ring.write_extra(2, 1));
  EXPECT_FALSE(ring.write_extra(SIZE_MAX - 3, 1));
}

TEST(Ring, VirtqueueSeqnoBlocksUntilSubmitted) {
  struct Waiting : Recorder {
    bool on_command(std::uint32_t) override {
      waited = ring->wait_virtqueue_seqno(5);
      return waited;
    }
    Ring* ring = nullptr;
    bool waited = false;
  };
  GuestRing guest(256);
  Waiting consumer;
  {
    Ring ring(guest.theirs(), guest.layout(), {.name = "test"}, consumer);
    consumer.ring = &ring;
    ring.start();
    const std::uint32_t word = 0;
    if (guest.write({&word, 1})) ring.wake();
    ring.submit_virtqueue_seqno(4);
    std::this_thread::sleep_for(microseconds(2000));
    EXPECT_EQ(guest.head().load(), 0u);
    ring.submit_virtqueue_seqno(5);
    EXPECT_EQ(ring.wait_seqno(4), Ring::Wait::reached);
  }
  EXPECT_TRUE(consumer.waited);
}

TEST(Ring, StopEndsAVirtqueueWait) {
  struct Waiting : Recorder {
    bool on_command(std::uint32_t) override { return ring->wait_virtqueue_seqno(1); }
    Ring* ring = nullptr;
  };
  GuestRing guest(256);
  Waiting consumer;
  Ring ring(guest.theirs(), guest.layout(), {.name = "test"}, consumer);
  consumer.ring = &ring;
  ring.start();
  const std::uint32_t word = 0;
  if (guest.write({&word, 1})) ring.wake();
  // The destructor joins: the test hangs if the wait does not end.
}

TEST(Ring, SeqnoBehindTheTailIsUnreachable) {
  GuestRing guest(256);
  Recorder recorder;
  Ring ring(guest.theirs(), guest.layout(), {.name = "test"}, recorder);
  ring.start();
  EXPECT_EQ(ring.wait_seqno(4), Ring::Wait::unreachable);
  EXPECT_EQ(ring.wait_seqno(0), Ring::Wait::reached);
}

}  // namespace
}  // namespace hesper::render::test
