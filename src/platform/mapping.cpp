// Mapping and page_size(): the same on every POSIX system. The files that are mapped come from shared_memory.cpp.
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "platform/shared_memory.h"

namespace hesper::platform {

std::size_t page_size() noexcept {
  static const std::size_t size = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  return size;
}

std::vector<FileRange> written_ranges(int fd, std::uint64_t size) {
  std::vector<FileRange> ranges;
#ifdef SEEK_DATA
  for (std::uint64_t at = 0; at < size;) {
    const off_t data = ::lseek(fd, static_cast<off_t>(at), SEEK_DATA);
    if (data < 0 && errno == ENXIO) return ranges;  // nothing but a hole follows
    const off_t hole = data < 0 ? -1 : ::lseek(fd, data, SEEK_HOLE);
    if (hole <= data) return {{.offset = 0, .size = size}};
    const auto begin = static_cast<std::uint64_t>(data);
    if (begin >= size) return ranges;
    at = std::min(static_cast<std::uint64_t>(hole), size);
    ranges.push_back({.offset = begin, .size = at - begin});
  }
  return ranges;
#else
  return {{.offset = 0, .size = size}};
#endif
}

Mapping::Mapping(Mapping&& from) noexcept
    : data_(std::exchange(from.data_, nullptr)), size_(std::exchange(from.size_, 0)) {}

Mapping& Mapping::operator=(Mapping&& from) noexcept {
  std::swap(data_, from.data_);
  std::swap(size_, from.size_);
  return *this;
}

Mapping::~Mapping() {
  if (data_ != nullptr) ::munmap(data_, size_);
}

Result<Mapping> Mapping::map(int fd, std::size_t size, std::uint64_t offset, std::size_t align) {
  return map_as(PROT_READ | PROT_WRITE, fd, size, offset, align);
}

Result<void> Mapping::replace(int fd, std::uint64_t offset) {
  const std::size_t page = page_size();
  const std::size_t whole = (size_ + page - 1) / page * page;
  // SAFETY: MAP_FIXED replaces only pages of our own mapping.
  if (::mmap(data_, whole, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, static_cast<off_t>(offset)) ==
      MAP_FAILED)
    return fail_errno(fmt::format("Mapping {} bytes of other shared memory at the same place fails", size_), errno);
  return {};
}

Result<ReadMapping> ReadMapping::map(int fd) {
  struct stat info{};
  if (::fstat(fd, &info) != 0) return fail_errno("Asking for the size of shared memory fails", errno);
  if (info.st_size <= 0) return fail("Shared memory is empty.", EINVAL);
  if (!cannot_shrink(fd)) return fail("Shared memory that could become shorter is not mapped.", EINVAL);
  auto mapping = Mapping::map_as(PROT_READ, fd, static_cast<std::size_t>(info.st_size), 0, 0);
  if (!mapping) return std::unexpected(std::move(mapping.error()));
  return ReadMapping(std::move(*mapping));
}

Result<Mapping> Mapping::map_as(int protection, int fd, std::size_t size, std::uint64_t offset, std::size_t align) {
  const std::size_t page = page_size();
  if (size == 0 || size > SIZE_MAX / 2 || align > SIZE_MAX / 4)
    return fail(fmt::format("A mapping of {} bytes aligned to {} is not possible.", size, align), EINVAL);
  const std::size_t whole = (size + page - 1) / page * page;
  const std::size_t slack = align > page ? align - page : 0;

  if (slack == 0) {
    void* at = ::mmap(nullptr, whole, protection, MAP_SHARED, fd, static_cast<off_t>(offset));
    if (at == MAP_FAILED) return fail_errno(fmt::format("Mapping {} bytes of shared memory fails", size), errno);
    return Mapping(static_cast<std::byte*>(at), size);
  }

  // Reserves enough addresses that an aligned one is among them, maps there, and gives back both ends.
  void* reserved = ::mmap(nullptr, whole + slack, PROT_NONE, MAP_PRIVATE | MAP_ANON, -1, 0);
  if (reserved == MAP_FAILED)
    return fail_errno(fmt::format("Reserving {} bytes of address space fails", whole + slack), errno);
  const auto first = reinterpret_cast<std::uintptr_t>(reserved);
  const std::uintptr_t aligned = (first + align - 1) & ~(std::uintptr_t{align} - 1);
  auto* wanted = static_cast<std::byte*>(reserved) + (aligned - first);
  // SAFETY: MAP_FIXED replaces only pages of our own reservation.
  if (::mmap(wanted, whole, protection, MAP_SHARED | MAP_FIXED, fd, static_cast<off_t>(offset)) == MAP_FAILED) {
    const int error = errno;
    ::munmap(reserved, whole + slack);
    return fail_errno(fmt::format("Mapping {} bytes of shared memory fails", size), error);
  }
  if (const std::size_t before = aligned - first; before > 0) ::munmap(reserved, before);
  if (const std::size_t after = slack - (aligned - first); after > 0) ::munmap(wanted + whole, after);
  return Mapping(wanted, size);
}

}  // namespace hesper::platform
