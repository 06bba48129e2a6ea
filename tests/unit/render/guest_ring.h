// GuestRing: the guest's half of a ring, as Mesa writes it: its own memory, tail, and the rule when to notify.
#pragma once

#include <atomic>
#include <cstdint>
#include <cstring>
#include <span>

#include "platform/shared_memory.h"
#include "render/ring.h"

namespace hesper::render::test {

class GuestRing {
 public:
  explicit GuestRing(std::size_t buffer_size) : size_(static_cast<std::uint32_t>(buffer_size)) {
    info_.size = 192 + buffer_size + 4;
    info_.headOffset = 0;
    info_.tailOffset = 64;
    info_.statusOffset = 128;
    info_.bufferOffset = 192;
    info_.bufferSize = buffer_size;
    info_.extraOffset = 192 + buffer_size;
    info_.extraSize = 4;
    auto fd = platform::create_shared_memory("test-ring", info_.size);
    auto ours = platform::Mapping::map(fd->get(), info_.size);
    auto theirs = platform::Mapping::map(fd->get(), info_.size);
    memory_ = std::move(*ours);
    theirs_ = std::move(*theirs);
  }

  [[nodiscard]] const wire::VkRingCreateInfoMESA& info() const { return info_; }
  // As the renderer sees it.
  [[nodiscard]] std::span<std::byte> theirs() const { return theirs_.bytes(); }
  [[nodiscard]] RingLayout layout() const { return *check_ring_layout(info_, theirs_.size()); }

  [[nodiscard]] std::atomic_ref<std::uint32_t> head() { return word(0); }
  [[nodiscard]] std::atomic_ref<std::uint32_t> tail() { return word(64); }
  [[nodiscard]] std::atomic_ref<std::uint32_t> status() { return word(128); }
  [[nodiscard]] std::atomic_ref<std::uint32_t> extra() { return word(192 + size_); }

  [[nodiscard]] std::uint32_t room() { return size_ - (next_ - head().load(std::memory_order_acquire)); }

  // Writes words (there must be room) and shows them to the renderer. True: the ring is IDLE and must be notified.
  bool write(std::span<const std::uint32_t> words) {
    for (const std::uint32_t value : words) {
      std::memcpy(memory_.data() + 192 + (next_ & (size_ - 1)), &value, sizeof(value));
      next_ += 4;
    }
    tail().store(next_, std::memory_order_seq_cst);
    return (status().load(std::memory_order_seq_cst) & kRingIdle) != 0;
  }
  [[nodiscard]] std::uint32_t position() const { return next_; }

 private:
  [[nodiscard]] std::atomic_ref<std::uint32_t> word(std::size_t offset) {
    return std::atomic_ref(*reinterpret_cast<std::uint32_t*>(memory_.data() + offset));
  }

  std::uint32_t size_;
  std::uint32_t next_ = 0;
  wire::VkRingCreateInfoMESA info_{};
  platform::Mapping memory_;
  platform::Mapping theirs_;
};

// Keeps what came out of the ring; every 4 bytes are a command.
class Recorder : public RingConsumer {
 public:
  bool consume(RingBatch& batch) override {
    for (std::size_t at = 0; at < batch.commands().size(); at += 4) {
      std::uint32_t value = 0;
      std::memcpy(&value, batch.commands().data() + at, sizeof(value));
      if (!on_command(value)) return false;
      batch.done(at + 4);
    }
    return true;
  }
  void broken(const std::string& reason) override {
    reason_ = reason;
    broke.store(true, std::memory_order_release);
  }
  virtual bool on_command(std::uint32_t value) {
    if (value != next_expected) out_of_order.store(true);
    ++next_expected;
    return true;
  }
  [[nodiscard]] const std::string& reason() const { return reason_; }

  std::uint32_t next_expected = 0;  // ring thread
  std::atomic<bool> out_of_order{false};
  std::atomic<bool> broke{false};

 private:
  std::string reason_;
};

}  // namespace hesper::render::test
