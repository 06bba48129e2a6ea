// Virtqueue: the device's side of one split virtqueue: takes messages out, gives responses back. Knows no socket, no
// eventfd and nothing of what messages mean.
//
// Everything in the ring may be a lie and may change while it is looked at. Each word is read once; a ring that breaks
// the specification is broken: it is left alone until it is started again, as one bad index makes every other suspect.
//
// One thread uses a queue and its messages: the event loop's. Who completes from elsewhere posts to the loop.
// Spec: virtio 1.3, "Split Virtqueues".
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/budget.h"
#include "base/error.h"
#include "vhost/guest_memory.h"
#include "vhost/split_ring.h"

namespace hesper::vhost {

class Virtqueue;

// One message of the driver: a private copy of what it wrote, and room for a response. Ends with complete(); one that
// is dropped completes with an empty response, so that the driver gets its descriptors back. Messages may be completed
// in any order and at any later time; once its queue is gone or has forgotten it, a message completes into nothing.
class Message {
 public:
  Message(Message&& from) noexcept = default;
  Message& operator=(Message&& from) noexcept;
  ~Message();

  // What the driver wrote. Stays the same, and valid until complete(), release_bytes() or the end of the message.
  [[nodiscard]] std::span<const std::byte> bytes() const noexcept { return {bytes_.get(), size_}; }
  // Bytes that the driver wrote. More than bytes() has: the message is larger than the options allow, and only its
  // first Virtqueue::kKeptOfOversized bytes are there, so that it can be refused.
  [[nodiscard]] std::uint64_t whole_size() const noexcept { return whole_size_; }
  [[nodiscard]] bool oversized() const noexcept { return whole_size_ > size_; }
  // The largest response, bytes.
  [[nodiscard]] std::uint64_t room() const noexcept { return room_; }

  // Gives the memory of bytes() back, for messages that wait long for their completion.
  void release_bytes() noexcept;

  // Writes the response, or what fits of it, and gives the descriptors back to the driver. Once. While the ring does
  // not run, this is kept for when it runs again.
  void complete(std::span<const std::byte> response = {});

 private:
  friend class Virtqueue;
  struct Segment {
    std::uint64_t address;  // guest's
    std::uint32_t length;   // > 0
  };

  Message() = default;

  // None: completed, or moved from. weak_ptr's move leaves nothing behind.
  std::weak_ptr<Virtqueue> queue_;
  std::uint64_t epoch_ = 0;
  std::uint16_t head_ = 0;
  // The budget outlives its charge by being declared before it.
  std::shared_ptr<Budget> budget_;
  Budget::Charge charge_;
  std::unique_ptr<std::byte[]> bytes_;
  std::size_t size_ = 0;
  std::uint64_t whole_size_ = 0;
  // The writable part, as addresses: the table may change until the response is written.
  std::vector<Segment> writable_;
  std::uint64_t room_ = 0;
};

class Virtqueue : public std::enable_shared_from_this<Virtqueue> {
 public:
  static constexpr std::size_t kKeptOfOversized = 256;

  struct Options {
    // Of one message, as sent by the driver. Linux sends what a program submits at once as one message.
    std::uint64_t max_message_bytes = std::uint64_t{64} << 20;
    // In one indirect table. More than the ring's size: Linux exceeds what the specification allows.
    std::uint32_t max_descriptors = 65536;
    // Of one message's writable part. A response is short; only hostile drivers cut its place into more.
    std::uint32_t max_writable_descriptors = 1024;
    // What the bytes of all messages may take together; none: no limit. Several queues may share it.
    std::shared_ptr<Budget> budget;
  };

  // What a queue tells its owner, from within its own functions. Lives longer than the queue.
  class Listener {
   public:
    // The driver wants to know that something was completed: its interrupt.
    virtual void on_used() noexcept = 0;
    // The ring is broken from now on; a whole sentence.
    virtual void on_broken(const std::string& reason) noexcept = 0;

   protected:
    ~Listener() = default;
  };

  struct Layout {
    std::uint32_t size = 0;  // descriptors: a power of two, at most kMaxRingSize
    std::uint64_t desc = 0;
    std::uint64_t avail = 0;
    std::uint64_t used = 0;
    AddressSpace space = AddressSpace::guest;
  };
  struct Features {
    bool indirect_desc = false;
    bool event_idx = false;
  };

  [[nodiscard]] static std::shared_ptr<Virtqueue> create(Options options, Listener& listener);

  // Finds the ring in memory, and reads its used index. It takes messages once it is enabled. next_avail: what stop()
  // returned, or 0 for a new ring.
  // Errors: the layout is not possible, or not in memory. The queue is stopped then.
  [[nodiscard]] Result<void> start(const Layout& layout, Features features, std::uint16_t next_avail,
                                   std::shared_ptr<const MemoryTable> memory);
  // Finds the ring again in a changed memory. Nothing to do for a stopped queue. The ring is broken if it is not there.
  void set_memory(std::shared_ptr<const MemoryTable> memory);
  // A queue that is not enabled touches no guest memory and tells its listener nothing; what is completed meanwhile is
  // written when it is enabled again. start() and stop() do not change this.
  void set_enabled(bool enabled);
  // Lets go of the ring. Returns the index of the next message to take. Messages that are out stay so: after a pause
  // they can be completed still, after a reset of the device they must be forgotten.
  std::uint16_t stop() noexcept;
  // What is out completes into nothing; the driver will not miss it. For stopped or disabled queues.
  void forget_messages() noexcept;

  // The next message; none: there is none now, the queue does not run, or the ring is broken.
  [[nodiscard]] std::optional<Message> pop();

  // Asks the driver for a kick when it adds something. True: something was added meanwhile, and the kick may not come;
  // pop() again. Until then kicks may be suppressed.
  [[nodiscard]] bool ask_for_kick();

  [[nodiscard]] bool started() const noexcept { return started_; }
  [[nodiscard]] bool running() const noexcept { return started_ && enabled_ && !broken_; }
  [[nodiscard]] bool broken() const noexcept { return broken_; }
  // Messages that the driver waits for.
  [[nodiscard]] std::size_t messages_out() const noexcept { return out_count_; }

  // While one of these lives, completions are published at once, but the driver is told only once, at its end.
  class Batch {
   public:
    explicit Batch(Virtqueue& queue) noexcept : queue_(queue) { ++queue_.batches_; }
    ~Batch() {
      if (--queue_.batches_ == 0) queue_.tell_driver();
    }
    Batch(const Batch&) = delete;
    Batch& operator=(const Batch&) = delete;

   private:
    Virtqueue& queue_;
  };

 private:
  friend class Message;
  // A response that waits for the ring to run again.
  struct Kept {
    std::uint16_t head;
    std::vector<Message::Segment> writable;
    std::vector<std::byte> response;
  };
  // What a walk along a chain finds.
  struct Chain {
    std::vector<virtq_desc> readable;
    std::vector<Message::Segment> writable;
    std::uint64_t readable_bytes = 0;
    std::uint64_t writable_bytes = 0;
  };

  Virtqueue(Options options, Listener& listener) noexcept : options_(std::move(options)), listener_(listener) {}

  [[nodiscard]] Result<void> find_ring();
  void forget_ring() noexcept;
  void break_ring(std::string reason);
  [[nodiscard]] bool something_available();
  [[nodiscard]] bool walk(std::uint16_t head);
  [[nodiscard]] bool walk_indirect(const virtq_desc& desc);
  [[nodiscard]] bool take_descriptor(const virtq_desc& desc);
  [[nodiscard]] bool copy_readable(std::span<std::byte> into);
  [[nodiscard]] std::optional<Message> make_message(std::uint16_t head);

  void finish(Message& message, std::span<const std::byte> response);
  void publish(std::uint16_t head, std::span<const Message::Segment> writable, std::span<const std::byte> response);
  void tell_driver();

  [[nodiscard]] std::uint16_t load(const std::byte* part, std::uint64_t offset) const noexcept;
  void store(std::byte* part, std::uint64_t offset, std::uint16_t value) const noexcept;

  const Options options_;
  Listener& listener_;

  bool started_ = false;
  bool enabled_ = false;
  bool broken_ = false;
  Layout layout_;
  Features features_;
  std::shared_ptr<const MemoryTable> memory_;
  std::byte* desc_ = nullptr;
  std::byte* avail_ = nullptr;
  std::byte* used_ = nullptr;

  std::uint16_t next_avail_ = 0;
  std::uint16_t seen_avail_ = 0;  // the driver's index, when it was last read
  std::uint16_t next_used_ = 0;
  std::uint16_t told_used_ = 0;  // next_used_, when it was last decided whether to tell the driver
  bool tell_always_ = true;      // until the driver was told once since the start
  int batches_ = 0;

  std::uint64_t epoch_ = 0;    // of the messages that are not forgotten
  std::vector<bool> out_;      // by head: the driver waits for it
  std::size_t out_count_ = 0;  // of them
  std::vector<Kept> kept_;
  Chain chain_;                             // of the current walk; a member for its memory
  std::vector<virtq_desc> table_;           // the current indirect table, likewise
  std::vector<MemoryTable::Piece> pieces_;  // likewise
};

}  // namespace hesper::vhost
