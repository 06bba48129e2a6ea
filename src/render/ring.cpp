// Ring: layout checks, the thread's loop, and the idle protocol.
#include "render/ring.h"

#include <array>
#include <bit>
#include <cstring>
#include <utility>

#include "platform/thread.h"

namespace hesper::render {
namespace {

constexpr std::size_t kMaxBuffer = std::size_t{16} << 20;

struct Region {
  const char* name;
  std::size_t begin;
  std::size_t size;
};

// Polling before IDLE. Guests wait for an answer with some hundred yields and then sleep for 160 microseconds at a
// time, so an answer that comes a little later costs a lot: the ring stays close while the next command is likely.
// Yields leave the core to a software driver's threads; sleeps stay short until the ring may go idle.
constexpr int kSpins = 50;
constexpr std::chrono::microseconds kYieldTime{50};
constexpr std::chrono::microseconds kFirstSleep{10};
constexpr std::chrono::microseconds kLongestSleep{160};

}  // namespace

std::expected<RingLayout, std::string> check_ring_layout(const wire::VkRingCreateInfoMESA& info,
                                                         std::size_t resource_size) {
  if (info.offset > resource_size || info.size > resource_size - info.offset) {
    return std::unexpected("The ring lies outside its resource.");
  }
  if (info.offset % 4 != 0) return std::unexpected("The ring's offset is not a multiple of 4.");
  if (!std::has_single_bit(info.bufferSize) || info.bufferSize < 4 || info.bufferSize > kMaxBuffer) {
    return std::unexpected("The ring's buffer size (" + std::to_string(info.bufferSize) +
                           ") is not a power of two between 4 bytes and 16 MiB.");
  }
  const std::array<Region, 5> regions{{{"head", info.headOffset, 4},
                                       {"tail", info.tailOffset, 4},
                                       {"status", info.statusOffset, 4},
                                       {"buffer", info.bufferOffset, info.bufferSize},
                                       {"extra", info.extraOffset, info.extraSize}}};
  for (const Region& r : regions) {
    if (r.begin % 4 != 0 || r.size % 4 != 0 || r.begin > info.size || r.size > info.size - r.begin) {
      return std::unexpected(std::string("The ring's ") + r.name + " is misaligned or outside the ring.");
    }
  }
  for (std::size_t a = 0; a < regions.size(); ++a) {
    for (std::size_t b = a + 1; b < regions.size(); ++b) {
      if (regions[a].size == 0 || regions[b].size == 0) continue;
      if (regions[a].begin < regions[b].begin + regions[b].size &&
          regions[b].begin < regions[a].begin + regions[a].size) {
        return std::unexpected(std::string("The ring's ") + regions[a].name + " and " + regions[b].name + " overlap.");
      }
    }
  }
  return RingLayout{.head = info.offset + info.headOffset,
                    .tail = info.offset + info.tailOffset,
                    .status = info.offset + info.statusOffset,
                    .buffer = info.offset + info.bufferOffset,
                    .buffer_size = info.bufferSize,
                    .extra = info.offset + info.extraOffset,
                    .extra_size = info.extraSize};
}

Ring::Ring(std::span<std::byte> memory, const RingLayout& layout, RingOptions options, RingConsumer& consumer)
    : memory_(memory.data()),
      layout_(layout),
      options_(std::move(options)),
      consumer_(consumer),
      copy_(std::make_unique_for_overwrite<std::byte[]>(layout.buffer_size)) {}

Ring::~Ring() {
  request_stop();
  if (thread_.joinable()) thread_.join();
}

bool Ring::fresh() const noexcept {
  return word(layout_.head).load(std::memory_order_acquire) == 0 &&
         word(layout_.status).load(std::memory_order_acquire) == 0;
}

void Ring::start() {
  thread_ = std::thread([this] { run(); });
}

void Ring::request_stop() noexcept {
  {
    const std::scoped_lock lock(virtqueue_mutex_);
    stop_.store(true, std::memory_order_relaxed);
  }
  virtqueue_changed_.notify_all();
  wake();
}

void Ring::wake() noexcept {
  wakes_.fetch_add(1, std::memory_order_seq_cst);
  wakes_.notify_one();
}

std::atomic_ref<std::uint32_t> Ring::word(std::size_t offset) const noexcept {
  // SAFETY: check_ring_layout() found the offset aligned and inside the memory.
  return std::atomic_ref(*reinterpret_cast<std::uint32_t*>(memory_ + offset));
}

void Ring::set_fatal() noexcept { word(layout_.status).fetch_or(kRingFatal, std::memory_order_seq_cst); }
void Ring::set_alive() noexcept { word(layout_.status).fetch_or(kRingAlive, std::memory_order_seq_cst); }

bool Ring::write_extra(std::size_t offset, std::uint32_t value) noexcept {
  if (offset % 4 != 0 || layout_.extra_size < 4 || offset > layout_.extra_size - 4) return false;
  word(layout_.extra + offset).store(value, std::memory_order_release);
  return true;
}

void Ring::submit_virtqueue_seqno(std::uint64_t seqno) {
  {
    const std::scoped_lock lock(virtqueue_mutex_);
    virtqueue_seqno_ = seqno;
    virtqueue_seqno_came_ = std::chrono::steady_clock::now();
  }
  virtqueue_changed_.notify_all();
  wake();
}

bool Ring::wait_virtqueue_seqno(std::uint64_t seqno) {
  std::unique_lock lock(virtqueue_mutex_);
  waited_seqno_ = seqno;
  virtqueue_changed_.wait(lock, [&] { return stopping() || virtqueue_seqno_ >= seqno; });
  return !stopping();
}

std::chrono::steady_clock::duration Ring::half_round_trip() noexcept {
  const bool busy =
      word(layout_.head).load(std::memory_order_relaxed) != word(layout_.tail).load(std::memory_order_relaxed);
  const std::scoped_lock lock(virtqueue_mutex_);
  if (busy || virtqueue_seqno_ <= waited_seqno_) return {};
  return std::chrono::steady_clock::now() - virtqueue_seqno_came_;
}

Ring::Wait Ring::wait_seqno(std::uint32_t seqno) noexcept {
  // Polls, so that the ring thread need not pay for a notification after every command: this wait is short unless
  // the ring is busy with something long, and then the sleeps are long too.
  wake();
  for (int round = 0;; ++round) {
    const std::uint32_t head = word(layout_.head).load(std::memory_order_acquire);
    if (static_cast<std::int32_t>(head - seqno) >= 0) return Wait::reached;
    if (stopping()) return Wait::stopped;
    const std::uint32_t tail = word(layout_.tail).load(std::memory_order_acquire);
    if (head == tail) return Wait::unreachable;
    if (round < kSpins) {
      std::this_thread::yield();
    } else {
      std::this_thread::sleep_for(kFirstSleep);
    }
  }
}

bool Ring::wait_for_work(std::uint32_t head) {
  const auto tail = word(layout_.tail);
  const auto status = word(layout_.status);
  const auto has_work = [&] { return tail.load(std::memory_order_acquire) != head; };

  for (int spin = 0; spin < kSpins; ++spin) {
    if (has_work()) return true;
    platform::cpu_relax();
  }
  const auto start = std::chrono::steady_clock::now();
  std::chrono::microseconds sleep = kFirstSleep;
  while (true) {
    if (stopping()) return false;
    if (has_work()) return true;
    const auto waited = std::chrono::steady_clock::now() - start;
    // Never idle early: the guest suppresses its notification for one timeout after the last one that it sent.
    if (waited >= options_.idle_timeout) break;
    if (waited < kYieldTime) {
      std::this_thread::yield();
    } else {
      std::this_thread::sleep_for(sleep);
      sleep = std::min(sleep * 2, kLongestSleep);
    }
  }

  // Dekker with the guest, which stores tail and then reads status: both sides need sequential consistency, or each
  // may miss the other's store. wakes_ is read before IDLE is shown, so that no notification can fall in between.
  const std::uint32_t wakes = wakes_.load(std::memory_order_seq_cst);
  status.fetch_or(kRingIdle, std::memory_order_seq_cst);
  std::atomic_thread_fence(std::memory_order_seq_cst);
  while (tail.load(std::memory_order_seq_cst) == head && !stopping() &&
         wakes_.load(std::memory_order_seq_cst) == wakes) {
    wakes_.wait(wakes, std::memory_order_seq_cst);
  }
  status.fetch_and(~kRingIdle, std::memory_order_seq_cst);
  return !stopping();
}

void Ring::run() {
  platform::name_thread(options_.name.c_str());
  platform::make_sleeps_precise();
  if (options_.nice != 0) platform::nice_thread(options_.nice);

  const std::byte* const buffer = memory_ + layout_.buffer;
  const auto mask = static_cast<std::uint32_t>(layout_.buffer_size - 1);
  const auto head_word = word(layout_.head);
  std::uint32_t head = head_word.load(std::memory_order_relaxed);
  while (!stopping()) {
    const std::uint32_t tail = word(layout_.tail).load(std::memory_order_acquire);
    const std::uint32_t size = tail - head;
    if (size == 0) {
      if (!wait_for_work(head)) return;
      continue;
    }
    if (size > layout_.buffer_size || size % 4 != 0) {
      consumer_.broken("The ring's tail (" + std::to_string(tail) + ") is not a multiple of 4 at most " +
                       std::to_string(layout_.buffer_size) + " bytes after its head (" + std::to_string(head) + ").");
      return;
    }
    const std::uint32_t begin = head & mask;
    const std::size_t first = std::min<std::size_t>(size, layout_.buffer_size - begin);
    std::memcpy(copy_.get(), buffer + begin, first);
    std::memcpy(copy_.get() + first, buffer, size - first);
    RingBatch batch({copy_.get(), size}, head, head_word);
    if (!consumer_.consume(batch)) return;
    head = tail;
  }
}

}  // namespace hesper::render
