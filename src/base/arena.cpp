// Arena: the slow paths, taken when a chunk is full.
#include "base/arena.h"

#include <algorithm>
#include <new>
#include <utility>

namespace hesper {

void* Arena::allocate_chunk(std::size_t size) noexcept {
  constexpr std::size_t kFirstChunk = 64 * 1024;
  constexpr std::size_t kKeep = 16 * 1024 * 1024;  // a larger chunk is not kept over a reset
  static_assert(kKeep > kFirstChunk);
  if (size > limit_ || total_ > limit_ - size) return nullptr;
  const std::size_t want = std::min(std::max({kFirstChunk, size_ * 2, size}), limit_ - total_);
  Budget::Charge charge;
  if (budget_ != nullptr) {
    charge = Budget::Charge(*budget_, want);
    if (!charge) return nullptr;
  }
  Chunk chunk{.bytes = std::unique_ptr<std::byte[]>(new (std::nothrow) std::byte[want]),
              .size = want,
              .charge = std::move(charge)};
  if (!chunk.bytes) return nullptr;
  current_ = chunk.bytes.get();
  size_ = want;
  used_ = size;
  total_ += want;
  chunks_.push_back(std::move(chunk));
  return current_;
}

void Arena::shrink() noexcept {
  constexpr std::size_t kKeep = 16 * 1024 * 1024;
  auto keep =
      std::ranges::max_element(chunks_, {}, [](const Chunk& c) { return c.size <= kKeep ? c.size : std::size_t{0}; });
  Chunk kept = std::move(*keep);
  chunks_.clear();
  total_ = kept.size;
  size_ = kept.size;
  current_ = kept.bytes.get();
  chunks_.push_back(std::move(kept));
}

}  // namespace hesper
