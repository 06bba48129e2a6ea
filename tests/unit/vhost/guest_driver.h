// GuestDriver: the guest's half of a split virtqueue, for tests and fuzzing: memory, rings and descriptors, as valid or
// as wrong as its caller wants. GuestRam: the memory, a file that front-ends can hand over. Knows no message.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <initializer_list>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "base/check.h"
#include "base/unique_fd.h"
#include "platform/shared_memory.h"
#include "vhost/guest_memory.h"
#include "vhost/split_ring.h"

namespace hesper::vhost::testing {

// `size` bytes of memory at guest address `base`. The mapping here is the guest's own.
class GuestRam {
 public:
  explicit GuestRam(std::size_t size, std::uint64_t base = 0x4000'0000) : base_(base) {
    auto fd = platform::create_shared_memory("guest", size);
    HESPER_CHECK(fd.has_value());
    fd_ = std::move(*fd);
    auto mapping = platform::Mapping::map(fd_.get(), size);
    HESPER_CHECK(mapping.has_value());
    mapping_ = std::move(*mapping);
  }

  [[nodiscard]] std::uint64_t base() const noexcept { return base_; }
  [[nodiscard]] std::size_t size() const noexcept { return mapping_.size(); }
  [[nodiscard]] int fd() const noexcept { return fd_.get(); }
  [[nodiscard]] UniqueFd duplicate() const { return UniqueFd(::dup(fd_.get())); }
  [[nodiscard]] RegionDescription region() const noexcept {
    return {.guest_address = base_, .size = size(), .user_address = base_, .file_offset = 0};
  }

  [[nodiscard]] std::byte* at(std::uint64_t address, std::size_t bytes = 1) const {
    HESPER_CHECK(address >= base_ && address - base_ <= size() && bytes <= size() - (address - base_));
    return mapping_.data() + (address - base_);
  }
  [[nodiscard]] std::atomic_ref<std::uint16_t> word(std::uint64_t address) const {
    return std::atomic_ref(*reinterpret_cast<std::uint16_t*>(at(address, 2)));
  }
  void write(std::uint64_t address, std::string_view text) const {
    std::memcpy(at(address, text.size()), text.data(), text.size());
  }
  [[nodiscard]] std::string_view read(std::uint64_t address, std::size_t bytes) const {
    return {reinterpret_cast<const char*>(at(address, bytes)), bytes};
  }

 private:
  std::uint64_t base_;
  UniqueFd fd_;
  platform::Mapping mapping_;
};

struct Used {
  std::uint32_t head;
  std::uint32_t written;
  friend bool operator==(const Used&, const Used&) = default;
};

class GuestDriver {
 public:
  // Lays its ring out in the page of memory that starts at `place`; size: at most 64 descriptors.
  GuestDriver(const GuestRam& ram, std::uint64_t place, std::uint16_t size = 8)
      : ram_(ram), size_(size), desc_(place), avail_(place + 0x800), used_(place + 0xa00) {}

  [[nodiscard]] std::uint16_t size() const noexcept { return size_; }
  [[nodiscard]] std::uint64_t desc_address() const noexcept { return desc_; }
  [[nodiscard]] std::uint64_t avail_address() const noexcept { return avail_; }
  [[nodiscard]] std::uint64_t used_address() const noexcept { return used_; }

  void describe(std::uint16_t index, const virtq_desc& desc) const {
    std::memcpy(ram_.at(desc_ + sizeof(desc) * index, sizeof(desc)), &desc, sizeof(desc));
  }
  // A chain in descriptors first, first + 1, ...: NEXT is set here, the other flags are the caller's.
  void describe_chain(std::uint16_t first, std::initializer_list<virtq_desc> chain) const {
    auto index = first;
    for (virtq_desc desc : chain) {
      const bool last = index - first + 1U == chain.size();
      if (!last) desc.flags |= VIRTQ_DESC_F_NEXT;
      desc.next = last ? 0 : static_cast<std::uint16_t>(index + 1);
      describe(index++, desc);
    }
  }
  // The same as an indirect table in memory. Returns the descriptor that refers to it.
  [[nodiscard]] virtq_desc describe_table(std::uint64_t address, std::span<const virtq_desc> chain) const {
    for (std::size_t i = 0; i < chain.size(); ++i) {
      virtq_desc desc = chain[i];
      if (i + 1 < chain.size()) {
        desc.flags |= VIRTQ_DESC_F_NEXT;
        desc.next = static_cast<std::uint16_t>(i + 1);
      }
      std::memcpy(ram_.at(address + sizeof(desc) * i, sizeof(desc)), &desc, sizeof(desc));
    }
    return {.addr = address,
            .len = static_cast<std::uint32_t>(chain.size_bytes()),
            .flags = VIRTQ_DESC_F_INDIRECT,
            .next = 0};
  }

  void offer(std::uint16_t head) {
    ram_.word(avail_ + 4 + 2 * (offered_ % std::uint64_t{size_})).store(head, std::memory_order_relaxed);
    ram_.word(avail_ + 2).store(++offered_, std::memory_order_release);
  }
  [[nodiscard]] std::uint16_t offered() const noexcept { return offered_; }
  [[nodiscard]] std::uint16_t taken() const noexcept { return taken_; }
  // Puts the index anywhere, as no driver does.
  void set_avail_idx(std::uint16_t idx) {
    offered_ = idx;
    ram_.word(avail_ + 2).store(idx);
  }
  void set_no_interrupt(bool on) const { ram_.word(avail_).store(on ? 1 : 0); }
  void set_used_event(std::uint16_t event) const { ram_.word(avail_ + used_event_offset(size_)).store(event); }

  [[nodiscard]] std::uint16_t used_flags() const { return ram_.word(used_).load(); }
  [[nodiscard]] std::uint16_t used_idx() const { return ram_.word(used_ + 2).load(std::memory_order_acquire); }
  void set_used_idx(std::uint16_t idx) {
    taken_ = idx;
    ram_.word(used_ + 2).store(idx);
  }
  [[nodiscard]] std::uint16_t avail_event() const { return ram_.word(used_ + avail_event_offset(size_)).load(); }
  // What was completed since the last call.
  [[nodiscard]] std::vector<Used> take_used() {
    std::vector<Used> result;
    for (const std::uint16_t idx = used_idx(); taken_ != idx; ++taken_) {
      Used used{};
      std::memcpy(&used, ram_.at(used_ + 4 + sizeof(used) * (taken_ % std::uint64_t{size_}), sizeof(used)),
                  sizeof(used));
      result.push_back(used);
    }
    return result;
  }
  // The driver starts again from nothing, as after a reset of its device.
  void reset() {
    std::memset(ram_.at(desc_, 0x1000), 0, 0x1000);
    offered_ = taken_ = 0;
  }

 private:
  const GuestRam& ram_;
  std::uint16_t size_;
  std::uint64_t desc_;
  std::uint64_t avail_;
  std::uint64_t used_;
  std::uint16_t offered_ = 0;
  std::uint16_t taken_ = 0;
};

}  // namespace hesper::vhost::testing
