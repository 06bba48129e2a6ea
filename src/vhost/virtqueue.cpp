// Virtqueue: the ring's words, the walk along chains, completions and notifications.
#include "vhost/virtqueue.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <bit>
#include <cerrno>
#include <cstring>
#include <new>
#include <utility>

#include "base/check.h"

namespace hesper::vhost {
namespace {

// Of one chain, by the specification.
constexpr std::uint64_t kMaxChainBytes = std::uint64_t{1} << 32;

// Copies memory that the guest may be changing. What follows uses the copy: the fence keeps the compiler from reading
// the source again instead.
void copy_shared(void* to, const std::byte* from, std::size_t size) noexcept {
  std::memcpy(to, from, size);
  std::atomic_signal_fence(std::memory_order_seq_cst);
}

bool aligned(const std::byte* pointer, std::uint64_t align) noexcept {
  return reinterpret_cast<std::uintptr_t>(pointer) % align == 0;
}

}  // namespace

Message& Message::operator=(Message&& from) noexcept {
  Message old(std::move(*this));
  queue_ = std::move(from.queue_);
  epoch_ = from.epoch_;
  head_ = from.head_;
  charge_ = std::move(from.charge_);
  budget_ = std::move(from.budget_);
  bytes_ = std::move(from.bytes_);
  size_ = std::exchange(from.size_, 0);
  whole_size_ = from.whole_size_;
  writable_ = std::move(from.writable_);
  room_ = from.room_;
  return *this;
}

Message::~Message() { complete(); }

void Message::release_bytes() noexcept {
  bytes_.reset();
  size_ = 0;
  charge_ = {};
}

void Message::complete(std::span<const std::byte> response) {
  const auto queue = std::exchange(queue_, {}).lock();
  if (queue) queue->finish(*this, response);
  release_bytes();
}

std::shared_ptr<Virtqueue> Virtqueue::create(Options options, Listener& listener) {
  return std::shared_ptr<Virtqueue>(new Virtqueue(std::move(options), listener));
}

Result<void> Virtqueue::start(const Layout& layout, Features features, std::uint16_t next_avail,
                              std::shared_ptr<const MemoryTable> memory) {
  stop();
  broken_ = false;
  if (!std::has_single_bit(layout.size) || layout.size > kMaxRingSize)
    return fail(fmt::format("The ring's size ({}) is not a power of two up to {}.", layout.size, kMaxRingSize), EINVAL);
  // A ring of another size cannot be the one whose messages are out.
  if (layout.size != layout_.size) forget_messages();
  layout_ = layout;
  features_ = features;
  memory_ = std::move(memory);
  if (auto found = find_ring(); !found) {
    forget_ring();
    return found;
  }
  out_.resize(layout.size, false);
  next_avail_ = next_avail;
  seen_avail_ = next_avail;
  next_used_ = load(used_, kRingIdxOffset);
  told_used_ = next_used_;
  tell_always_ = true;
  started_ = true;
  if (enabled_) set_enabled(true);
  return {};
}

void Virtqueue::set_memory(std::shared_ptr<const MemoryTable> memory) {
  if (!started_) return;
  memory_ = std::move(memory);
  if (broken_) return;
  if (auto found = find_ring(); !found) break_ring(std::move(found.error().message));
}

void Virtqueue::set_enabled(bool enabled) {
  enabled_ = enabled;
  if (!running()) return;
  const auto self = shared_from_this();
  const Batch batch(*this);
  for (const Kept& kept : std::exchange(kept_, {})) {
    if (running()) publish(kept.head, kept.writable, kept.response);
  }
}

std::uint16_t Virtqueue::stop() noexcept {
  started_ = false;
  forget_ring();
  return next_avail_;
}

void Virtqueue::forget_messages() noexcept {
  ++epoch_;
  out_.assign(out_.size(), false);
  out_count_ = 0;
  kept_.clear();
}

Result<void> Virtqueue::find_ring() {
  const auto part = [&](const char* name, std::uint64_t address, std::uint64_t size,
                        std::uint64_t align) -> Result<std::byte*> {
    std::byte* at = memory_->contiguous(layout_.space, address, size);
    if (at == nullptr)
      return fail(fmt::format("The {} ({} bytes at {:#x}) does not lie in one region of memory.", name, size, address),
                  EFAULT);
    // The host's address counts too: atomic accesses are only possible where it is aligned.
    if (address % align != 0 || !aligned(at, align))
      return fail(fmt::format("The {} at {:#x} is not aligned to {} bytes.", name, address, align), EINVAL);
    return at;
  };
  const auto desc = part("descriptor table", layout_.desc, desc_table_bytes(layout_.size), kDescTableAlign);
  if (!desc) return std::unexpected(desc.error());
  const auto avail = part("available ring", layout_.avail, avail_ring_bytes(layout_.size), kAvailRingAlign);
  if (!avail) return std::unexpected(avail.error());
  const auto used = part("used ring", layout_.used, used_ring_bytes(layout_.size), kUsedRingAlign);
  if (!used) return std::unexpected(used.error());
  desc_ = *desc;
  avail_ = *avail;
  used_ = *used;
  return {};
}

void Virtqueue::forget_ring() noexcept {
  desc_ = avail_ = used_ = nullptr;
  memory_.reset();
}

void Virtqueue::break_ring(std::string reason) {
  if (std::exchange(broken_, true)) return;
  desc_ = avail_ = used_ = nullptr;
  listener_.on_broken(reason);
}

std::uint16_t Virtqueue::load(const std::byte* part, std::uint64_t offset) const noexcept {
  // SAFETY: find_ring() has checked that the part is there as a whole, and aligned. Loading changes nothing.
  return std::atomic_ref(*reinterpret_cast<std::uint16_t*>(const_cast<std::byte*>(part) + offset))
      .load(std::memory_order_acquire);
}

void Virtqueue::store(std::byte* part, std::uint64_t offset, std::uint16_t value) const noexcept {
  // SAFETY: as in load().
  std::atomic_ref(*reinterpret_cast<std::uint16_t*>(part + offset)).store(value, std::memory_order_release);
}

bool Virtqueue::something_available() {
  if (next_avail_ != seen_avail_) return true;
  const std::uint16_t avail = load(avail_, kRingIdxOffset);  // acquire: the entries before it are visible
  const auto added = static_cast<std::uint16_t>(avail - next_avail_);
  if (added > layout_.size) {
    break_ring(fmt::format("The driver's index ({}) is {} ahead of the device's, more than the ring's size ({}).",
                           avail, added, layout_.size));
    return false;
  }
  seen_avail_ = avail;
  return added > 0;
}

std::optional<Message> Virtqueue::pop() {
  if (!running() || !something_available()) return std::nullopt;
  const std::uint16_t head = load(avail_, kRingEntriesOffset + 2 * (next_avail_ % std::uint64_t{layout_.size}));
  if (head >= layout_.size) {
    break_ring(fmt::format("The driver offers descriptor {}; the ring has {}.", head, layout_.size));
    return std::nullopt;
  }
  if (out_[head]) {
    break_ring(fmt::format("The driver offers descriptor {}, which it has not got back yet.", head));
    return std::nullopt;
  }
  if (!walk(head)) return std::nullopt;
  auto message = make_message(head);
  if (!message) return std::nullopt;
  ++next_avail_;
  return message;
}

bool Virtqueue::walk(std::uint16_t head) {
  chain_.readable.clear();
  chain_.writable.clear();
  chain_.readable_bytes = chain_.writable_bytes = 0;

  std::uint16_t index = head;
  for (std::uint32_t steps = 0;; ++steps) {
    if (steps == layout_.size) {
      break_ring(fmt::format("The chain of descriptor {} is a loop.", head));
      return false;
    }
    virtq_desc desc{};
    copy_shared(&desc, desc_ + desc_table_bytes(index), sizeof(desc));
    if ((desc.flags & VIRTQ_DESC_F_INDIRECT) != 0) return walk_indirect(desc);
    if (!take_descriptor(desc)) return false;
    if ((desc.flags & VIRTQ_DESC_F_NEXT) == 0) return true;
    if (desc.next >= layout_.size) {
      break_ring(fmt::format("A chain goes on at descriptor {}; the ring has {}.", desc.next, layout_.size));
      return false;
    }
    index = desc.next;
  }
}

bool Virtqueue::walk_indirect(const virtq_desc& desc) {
  const auto broken = [this](std::string reason) {
    break_ring(std::move(reason));
    return false;
  };
  if (!features_.indirect_desc) return broken("The driver uses an indirect table without having said that it would.");
  // Its WRITE flag is to be ignored.
  if ((desc.flags & VIRTQ_DESC_F_NEXT) != 0) return broken("A chain goes on after its indirect table.");
  const std::uint32_t count = desc.len / sizeof(virtq_desc);
  if (count == 0 || desc.len % sizeof(virtq_desc) != 0)
    return broken(fmt::format("An indirect table has {} bytes, which is not a whole number of descriptors.", desc.len));
  if (count > options_.max_descriptors)
    return broken(
        fmt::format("An indirect table has {} descriptors; the limit is {}.", count, options_.max_descriptors));

  pieces_.clear();
  if (!memory_->append_pieces(desc.addr, desc.len, pieces_))
    return broken(fmt::format("An indirect table ({} bytes at {:#x}) is not in memory.", desc.len, desc.addr));
  table_.resize(count);
  auto* into = reinterpret_cast<std::byte*>(table_.data());
  for (const MemoryTable::Piece piece : pieces_) {
    copy_shared(into, piece.data(), piece.size());
    into += piece.size();
  }

  std::uint32_t index = 0;
  for (std::uint32_t steps = 0; steps < count; ++steps) {
    const virtq_desc& entry = table_[index];
    if ((entry.flags & VIRTQ_DESC_F_INDIRECT) != 0) return broken("An indirect table refers to another one.");
    if (!take_descriptor(entry)) return false;
    if ((entry.flags & VIRTQ_DESC_F_NEXT) == 0) return true;
    if (entry.next >= count)
      return broken(
          fmt::format("An indirect table goes on at its descriptor {}, but it has only {}.", entry.next, count));
    index = entry.next;
  }
  return broken("The chain in an indirect table is a loop.");
}

bool Virtqueue::take_descriptor(const virtq_desc& desc) {
  const bool writable = (desc.flags & VIRTQ_DESC_F_WRITE) != 0;
  if (!writable && !chain_.writable.empty()) {
    break_ring("A readable descriptor follows a writable one.");
    return false;
  }
  if (!memory_->contains(desc.addr, desc.len)) {
    break_ring(fmt::format("A descriptor ({} bytes at {:#x}) is not in memory.", desc.len, desc.addr));
    return false;
  }
  std::uint64_t& total = writable ? chain_.writable_bytes : chain_.readable_bytes;
  total += desc.len;
  if (chain_.readable_bytes + chain_.writable_bytes > kMaxChainBytes) {
    break_ring("The descriptors of a chain have more than 2^32 bytes together.");
    return false;
  }
  if (desc.len == 0) return true;
  if (!writable) {
    chain_.readable.push_back(desc);
    return true;
  }
  if (chain_.writable.size() == options_.max_writable_descriptors) {
    break_ring(fmt::format("A chain has more than {} writable descriptors.", options_.max_writable_descriptors));
    return false;
  }
  chain_.writable.push_back({.address = desc.addr, .length = desc.len});
  return true;
}

bool Virtqueue::copy_readable(std::span<std::byte> into) {
  for (const virtq_desc& desc : chain_.readable) {
    if (into.empty()) break;
    pieces_.clear();
    // It was there when the chain was walked, in the same table.
    if (!memory_->append_pieces(desc.addr, std::min<std::uint64_t>(desc.len, into.size()), pieces_)) return false;
    for (const MemoryTable::Piece piece : pieces_) {
      copy_shared(into.data(), piece.data(), piece.size());
      into = into.subspan(piece.size());
    }
  }
  return into.empty();
}

std::optional<Message> Virtqueue::make_message(std::uint16_t head) {
  // One huge message must not cost its tables for ever.
  constexpr std::size_t kKeepDescriptors = 4096;

  Message message;
  message.whole_size_ = chain_.readable_bytes;
  bool whole = message.whole_size_ <= options_.max_message_bytes;
  if (whole && options_.budget) {
    message.budget_ = options_.budget;
    message.charge_ = Budget::Charge(*message.budget_, message.whole_size_);
    whole = static_cast<bool>(message.charge_);
  }
  // The size is the guest's choice, so that memory may be short of it.
  if (whole) message.bytes_.reset(new (std::nothrow) std::byte[static_cast<std::size_t>(message.whole_size_)]);
  whole = whole && message.bytes_;
  if (!whole) {
    message.charge_ = {};
    message.bytes_ = std::make_unique_for_overwrite<std::byte[]>(kKeptOfOversized);
  }
  message.size_ = static_cast<std::size_t>(whole ? message.whole_size_
                                                 : std::min<std::uint64_t>(message.whole_size_, kKeptOfOversized));
  HESPER_CHECK(copy_readable({message.bytes_.get(), message.size_}));
  message.head_ = head;
  message.epoch_ = epoch_;
  message.writable_ = std::move(chain_.writable);
  message.room_ = chain_.writable_bytes;
  message.queue_ = weak_from_this();
  out_[head] = true;
  ++out_count_;

  chain_.writable = {};
  if (chain_.readable.capacity() > kKeepDescriptors) chain_.readable = {};
  if (table_.capacity() > kKeepDescriptors) table_ = {};
  return message;
}

void Virtqueue::finish(Message& message, std::span<const std::byte> response) {
  if (message.epoch_ != epoch_) return;  // forgotten
  HESPER_CHECK(out_[message.head_]);
  response = response.first(static_cast<std::size_t>(std::min<std::uint64_t>(response.size(), message.room_)));
  if (running()) {
    publish(message.head_, message.writable_, response);
  } else {
    kept_.push_back({.head = message.head_,
                     .writable = std::move(message.writable_),
                     .response = {response.begin(), response.end()}});
  }
}

void Virtqueue::publish(std::uint16_t head, std::span<const Message::Segment> writable,
                        std::span<const std::byte> response) {
  const auto written = static_cast<std::uint32_t>(response.size());
  for (const Message::Segment& segment : writable) {
    if (response.empty()) break;
    pieces_.clear();
    const auto length = std::min<std::uint64_t>(segment.length, response.size());
    if (!memory_->append_pieces(segment.address, length, pieces_))
      return break_ring(
          fmt::format("A response's place ({} bytes at {:#x}) is not in memory any more.", length, segment.address));
    for (const MemoryTable::Piece piece : pieces_) {
      std::memcpy(piece.data(), response.data(), piece.size());
      response = response.subspan(piece.size());
    }
  }
  out_[head] = false;
  --out_count_;

  const virtq_used_elem element{.id = head, .len = written};
  std::byte* const slot = used_ + kRingEntriesOffset + sizeof(element) * (next_used_ % std::uint64_t{layout_.size});
  std::memcpy(slot, &element, sizeof(element));
  ++next_used_;
  store(used_, kRingIdxOffset, next_used_);  // release: response and element are visible before it
  if (batches_ == 0) tell_driver();
}

void Virtqueue::tell_driver() {
  if (!running() || told_used_ == next_used_) return;
  const std::uint16_t old = std::exchange(told_used_, next_used_);
  // The index must be out before the driver's wish is read: the driver writes its wish and then reads the index, so one
  // of both sees the other's.
  std::atomic_thread_fence(std::memory_order_seq_cst);
  bool wanted = false;
  if (features_.event_idx) {
    const std::uint16_t event = load(avail_, used_event_offset(layout_.size));
    wanted = static_cast<std::uint16_t>(next_used_ - event - 1) < static_cast<std::uint16_t>(next_used_ - old);
  } else {
    wanted = (load(avail_, kRingFlagsOffset) & VIRTQ_AVAIL_F_NO_INTERRUPT) == 0;
  }
  if (wanted || std::exchange(tell_always_, false)) {
    tell_always_ = false;
    listener_.on_used();
  }
}

bool Virtqueue::ask_for_kick() {
  if (!running()) return false;
  if (features_.event_idx) {
    store(used_, avail_event_offset(layout_.size), next_avail_);
  } else {
    store(used_, kRingFlagsOffset, 0);
  }
  // As in tell_driver(), with the roles exchanged.
  std::atomic_thread_fence(std::memory_order_seq_cst);
  if (!something_available()) return false;
  // With the event index the driver kicks when it passes the old event, which suppresses by itself.
  if (!features_.event_idx) store(used_, kRingFlagsOffset, VIRTQ_USED_F_NO_NOTIFY);
  return true;
}

}  // namespace hesper::vhost
