// MemoryWatch: finds out what changed in memory that a client maps. There is no message for that: the client just
// writes.
//
// Compares every page that was ever touched with a copy of its own, so it costs the memory again and the time to read
// it. Changes are told word by word (4 bytes): words that the GPU wrote at the same time are not told as the client's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

#include "base/error.h"
#include "platform/shared_memory.h"

namespace hesper::replay {

// Any thread.
class MemoryWatch {
 public:
  // Watches the whole words of the first `size` bytes of fd (borrowed), which are zero so far. Errors: it cannot be
  // mapped.
  [[nodiscard]] Result<void> add(std::uint32_t resource, int fd, std::uint64_t size);
  void remove(std::uint32_t resource);

  // Calls `change` for each page (capture::kMemoryPage bytes) that changed since the last scan. runs: as the capture
  // format has them.
  using Change = std::function<void(std::uint32_t resource, std::uint64_t offset, std::span<const std::byte> runs)>;
  void scan(const Change& change);

 private:
  struct Free {
    void operator()(std::byte* p) const noexcept;
  };
  struct Watched {
    UniqueFd fd;
    platform::Mapping mapping;
    std::size_t size = 0;
    std::unique_ptr<std::byte[], Free> seen;  // untouched pages cost nothing
  };

  void scan_page(std::uint32_t resource, Watched& watched, std::size_t offset, const Change& change);

  std::mutex mutex_;
  std::map<std::uint32_t, Watched> watched_;
  std::vector<std::byte> runs_;
};

}  // namespace hesper::replay
