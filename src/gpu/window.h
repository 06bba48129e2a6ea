// Window: which ranges of the host-visible window are taken. The guest chooses them; nothing is mapped here.
#pragma once

#include <cstdint>
#include <map>

#include "gpu/answer.h"
#include "gpu/context_host.h"

namespace hesper::gpu {

class Window {
 public:
  // size: bytes; 0: there is no window. granularity: a power of two that the size is a multiple of; ranges begin at
  // multiples, and are rounded up to them.
  Window(std::uint64_t size, std::uint64_t granularity) noexcept : size_(size), granularity_(granularity) {}

  // Takes `size` bytes at `offset`, both any number. Errors: invalid_parameter (not aligned, out of bounds, overlaps),
  // unspec (there is no window).
  [[nodiscard]] Answer<WindowRange> take(std::uint64_t offset, std::uint64_t size);
  // range: as take() returned it.
  void give(const WindowRange& range) noexcept { taken_.erase(range.offset); }
  void clear() noexcept { taken_.clear(); }

  [[nodiscard]] std::uint64_t size() const noexcept { return size_; }
  [[nodiscard]] std::uint64_t granularity() const noexcept { return granularity_; }
  [[nodiscard]] std::size_t count() const noexcept { return taken_.size(); }

 private:
  const std::uint64_t size_;
  const std::uint64_t granularity_;
  std::map<std::uint64_t, std::uint64_t> taken_;  // offset to size
};

}  // namespace hesper::gpu
