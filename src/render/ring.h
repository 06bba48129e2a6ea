// Ring: takes commands out of guest shared memory and tells the guest how far it got. Does not decode them.
// Protocol: docs/wire.md, "Rings".
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "wire/venus_types_gen.h"

namespace hesper::render {

// Bits of the status word.
inline constexpr std::uint32_t kRingIdle = 1;
inline constexpr std::uint32_t kRingFatal = 2;
inline constexpr std::uint32_t kRingAlive = 4;

// Where the parts of a ring lie, in bytes from the start of its resource.
struct RingLayout {
  std::size_t head = 0;    // u32, written by us
  std::size_t tail = 0;    // u32, written by the guest
  std::size_t status = 0;  // u32, bits above, both sides
  std::size_t buffer = 0;
  std::size_t buffer_size = 0;  // a power of two, 4 bytes to 16 MiB
  std::size_t extra = 0;
  std::size_t extra_size = 0;  // may be 0
};

// Checks a create info against the size of its resource. Errors: a sentence that says what does not fit.
[[nodiscard]] std::expected<RingLayout, std::string> check_ring_layout(const wire::VkRingCreateInfoMESA& info,
                                                                       std::size_t resource_size);

// The commands of one read of the ring, and where the consumer reports each one it has finished.
class RingBatch {
 public:
  RingBatch(std::span<const std::byte> commands, std::uint32_t start, std::atomic_ref<std::uint32_t> head) noexcept
      : commands_(commands), start_(start), head_(head) {}

  // A private copy; the guest cannot change it any more.
  [[nodiscard]] std::span<const std::byte> commands() const noexcept { return commands_; }
  // The command that ends `consumed` bytes after the start of the batch is done, its reply is written.
  void done(std::size_t consumed) noexcept {
    head_.store(start_ + static_cast<std::uint32_t>(consumed), std::memory_order_release);
  }

 private:
  std::span<const std::byte> commands_;
  std::uint32_t start_;
  std::atomic_ref<std::uint32_t> head_;  // the guest's acquire load is the partner
};

class RingConsumer {
 public:
  virtual ~RingConsumer() = default;
  // Ring thread. Executes all commands in order. False: the ring's context is fatal, nothing more is read.
  virtual bool consume(RingBatch& batch) = 0;
  // Ring thread. The guest broke the ring itself; `reason` is a sentence.
  virtual void broken(const std::string& reason) = 0;
};

struct RingOptions {
  std::string name;                                // of the thread, 15 characters show
  std::chrono::nanoseconds idle_timeout{1000000};  // without work before IDLE is set
  int nice = 0;                                    // best effort; negative values need privileges
};

class Ring {
 public:
  // Borrows memory and consumer, which outlive the ring. The layout was checked against memory's size; head and status
  // are zero.
  Ring(std::span<std::byte> memory, const RingLayout& layout, RingOptions options, RingConsumer& consumer);
  // Stops after the command that is being executed, and joins.
  ~Ring();
  Ring(const Ring&) = delete;
  Ring& operator=(const Ring&) = delete;

  // True while head and status are zero, as a new ring's must be.
  [[nodiscard]] bool fresh() const noexcept;
  void start();
  // Asks the thread to end without waiting for it. Any thread.
  void request_stop() noexcept;
  [[nodiscard]] bool stopping() const noexcept { return stop_.load(std::memory_order_relaxed); }

  // Any thread: vkNotifyRingMESA.
  void wake() noexcept;
  // Any thread: sets the bit in the status word.
  void set_fatal() noexcept;
  void set_alive() noexcept;

  // Stores value at `offset` bytes into the extra region. False: outside or misaligned.
  [[nodiscard]] bool write_extra(std::size_t offset, std::uint32_t value) noexcept;

  // vkSubmitVirtqueueSeqnoMESA, context stream; vkWaitVirtqueueSeqnoMESA, this ring's thread (false: stopped).
  void submit_virtqueue_seqno(std::uint64_t seqno);
  [[nodiscard]] bool wait_virtqueue_seqno(std::uint64_t seqno);

  // Any thread. For so long the client has had a sequence number on the virtqueue that it does not wait for, although
  // nothing keeps the ring busy. Mesa sends both at once, unless it waits for itself: docs/memory.md, "Blobs first".
  [[nodiscard]] std::chrono::steady_clock::duration half_round_trip() noexcept;

  enum class Wait : std::uint8_t { reached, unreachable, stopped };
  // Context stream: blocks until head has reached seqno. unreachable: the ring is empty and ends before it.
  [[nodiscard]] Wait wait_seqno(std::uint32_t seqno) noexcept;

 private:
  void run();
  // Blocks until there may be work; false: stop.
  bool wait_for_work(std::uint32_t head);
  [[nodiscard]] std::atomic_ref<std::uint32_t> word(std::size_t offset) const noexcept;

  std::byte* const memory_;
  RingLayout layout_;
  RingOptions options_;
  RingConsumer& consumer_;
  std::unique_ptr<std::byte[]> copy_;  // buffer_size bytes: what [head, tail) held
  std::atomic<bool> stop_{false};
  std::atomic<std::uint32_t> wakes_{0};  // counts wake(); the thread sleeps on it
  std::mutex virtqueue_mutex_;
  std::condition_variable virtqueue_changed_;
  // Under virtqueue_mutex_.
  std::uint64_t virtqueue_seqno_ = 0;
  std::uint64_t waited_seqno_ = 0;
  std::chrono::steady_clock::time_point virtqueue_seqno_came_;
  std::thread thread_;
};

}  // namespace hesper::render
