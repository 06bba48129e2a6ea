// Arena: memory for one command, given back all at once. Never runs constructors or destructors.
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include "base/budget.h"

namespace hesper {

// Not for several threads at once.
class Arena {
 public:
  // limit: the most bytes that may be handed out between two resets. budget: who pays for the chunks, or nullptr.
  explicit Arena(std::size_t limit, Budget* budget = nullptr) noexcept : limit_(limit), budget_(budget) {}
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;

  // Returns `size` bytes (not zeroed) aligned to `align` (a power of two, at most 16), or nullptr when
  // the limit or the budget would be passed. Valid until reset().
  [[nodiscard]] void* allocate(std::size_t size, std::size_t align = 16) noexcept {
    const std::size_t at = (used_ + (align - 1)) & ~(align - 1);
    if (at <= size_ && size <= size_ - at) [[likely]] {
      used_ = at + size;
      return current_ + at;
    }
    return allocate_chunk(size);
  }

  // Frees everything. Keeps the largest chunk so that a steady state allocates nothing.
  void reset() noexcept {
    used_ = 0;
    if (chunks_.size() > 1) [[unlikely]]
      shrink();
  }

 private:
  struct Chunk {
    std::unique_ptr<std::byte[]> bytes;
    std::size_t size;
    Budget::Charge charge;
  };

  void* allocate_chunk(std::size_t size) noexcept;
  void shrink() noexcept;

  std::byte* current_ = nullptr;  // the newest chunk
  std::size_t size_ = 0;
  std::size_t used_ = 0;
  std::size_t limit_;
  Budget* budget_;
  std::size_t total_ = 0;  // sum of all chunk sizes
  std::vector<Chunk> chunks_;
};

}  // namespace hesper
