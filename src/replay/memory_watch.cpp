// MemoryWatch: the comparison.
#include "replay/memory_watch.h"

#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "capture/bytes.h"
#include "capture/format.h"

namespace hesper::replay {

using capture::kMemoryPage;

void MemoryWatch::Free::operator()(std::byte* p) const noexcept { std::free(p); }

Result<void> MemoryWatch::add(std::uint32_t resource, int fd, std::uint64_t size) {
  UniqueFd copy(::fcntl(fd, F_DUPFD_CLOEXEC, 0));
  if (!copy) return fail_errno("Cannot duplicate a file descriptor", errno);
  auto mapping = platform::Mapping::map(copy.get(), size);
  if (!mapping) return std::unexpected(mapping.error());
  // SAFETY: bytes have no constructor; calloc gives untouched zero pages.
  std::unique_ptr<std::byte[], Free> seen(static_cast<std::byte*>(std::calloc(size, 1)));
  if (seen == nullptr) return fail("There is no memory for a copy.", ENOMEM);
  const std::scoped_lock lock(mutex_);
  watched_.insert_or_assign(resource, Watched{.fd = std::move(copy),
                                              .mapping = std::move(*mapping),
                                              .size = static_cast<std::size_t>(size) & ~std::size_t{3},
                                              .seen = std::move(seen)});
  return {};
}

void MemoryWatch::remove(std::uint32_t resource) {
  const std::scoped_lock lock(mutex_);
  watched_.erase(resource);
}

void MemoryWatch::scan(const Change& change) {
  const std::scoped_lock lock(mutex_);
  for (auto& [resource, watched] : watched_) {
    for (const auto& range : platform::written_ranges(watched.fd.get(), watched.size)) {
      const std::uint64_t end = range.offset + range.size;
      for (std::uint64_t at = range.offset / kMemoryPage * kMemoryPage; at < end; at += kMemoryPage) {
        scan_page(resource, watched, static_cast<std::size_t>(at), change);
      }
    }
  }
}

void MemoryWatch::scan_page(std::uint32_t resource, Watched& watched, std::size_t offset, const Change& change) {
  const std::size_t size = std::min(kMemoryPage, watched.size - offset);
  std::byte* const seen = watched.seen.get() + offset;
  if (std::memcmp(watched.mapping.data() + offset, seen, size) == 0) return;
  // Others write meanwhile: what is told is what is remembered.
  std::byte now[kMemoryPage];
  std::memcpy(now, watched.mapping.data() + offset, size);

  const auto differs = [&](std::size_t word) { return std::memcmp(now + word * 4, seen + word * 4, 4) != 0; };
  runs_.clear();
  const std::size_t words = size / 4;
  for (std::size_t word = 0; word < words; ++word) {
    if (!differs(word)) continue;
    std::size_t end = word + 1;
    while (end < words && differs(end)) ++end;
    capture::put(runs_, static_cast<std::uint16_t>(word));
    capture::put(runs_, static_cast<std::uint16_t>(end - word));
    runs_.insert(runs_.end(), now + word * 4, now + end * 4);
    word = end;
  }
  std::memcpy(seen, now, size);
  if (!runs_.empty()) change(resource, offset, runs_);
}

}  // namespace hesper::replay
