// Shared memory on Linux: memfd, sealed in its size. Mappings are in ../mapping.cpp.
#include "platform/shared_memory.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace hesper::platform {

namespace {

constexpr int kSizeSeals = F_SEAL_SHRINK | F_SEAL_GROW;

Result<UniqueFd> create_unsealed(const char* name, std::size_t size) {
  UniqueFd fd(::memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!fd) return fail_errno("Creating shared memory fails", errno);
  if (::ftruncate(fd.get(), static_cast<off_t>(size)) != 0)
    return fail_errno(fmt::format("Sizing shared memory to {} bytes fails", size), errno);
  return fd;
}

Result<void> seal(int fd, int seals) {
  if (::fcntl(fd, F_ADD_SEALS, seals | F_SEAL_SEAL) != 0) return fail_errno("Sealing shared memory fails", errno);
  return {};
}

}  // namespace

Result<UniqueFd> create_shared_memory(const char* name, std::size_t size) {
  auto fd = create_unsealed(name, size);
  if (!fd) return fd;
  if (auto sealed = seal(fd->get(), kSizeSeals); !sealed) return std::unexpected(std::move(sealed.error()));
  return fd;
}

Result<SharedMemoryWithReader> create_shared_memory_with_reader(const char* name, std::size_t size) {
  auto fd = create_shared_memory(name, size);
  if (!fd) return std::unexpected(std::move(fd.error()));
  // A memfd has no other name.
  UniqueFd reader(::open(fmt::format("/proc/self/fd/{}", fd->get()).c_str(), O_RDONLY | O_CLOEXEC));
  if (!reader) return fail_errno("Opening shared memory for reading fails", errno);
  return SharedMemoryWithReader{.fd = std::move(*fd), .reader = std::move(reader)};
}

Result<PublishedMemory> create_published_memory(const char* name, std::size_t size) {
  auto fd = create_unsealed(name, size);
  if (!fd) return std::unexpected(std::move(fd.error()));
  auto mapping = Mapping::map(fd->get(), size);
  if (!mapping) return std::unexpected(std::move(mapping.error()));
  // The mapping that exists may still be written to, no other; Linux 5.1.
  if (auto sealed = seal(fd->get(), kSizeSeals | F_SEAL_FUTURE_WRITE); !sealed)
    return std::unexpected(std::move(sealed.error()));
  return PublishedMemory{.reader = std::move(*fd), .mapping = std::move(*mapping)};
}

bool cannot_shrink(int fd) noexcept {
  const int seals = ::fcntl(fd, F_GET_SEALS);  // fails for everything but memfds
  return seals >= 0 && (seals & F_SEAL_SHRINK) != 0;
}

void discard(int fd, const Mapping& mapping, const FileRange& range) noexcept {
  if (::fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, static_cast<off_t>(range.offset),
                  static_cast<off_t>(range.size)) == 0)
    return;
  std::memset(mapping.data() + range.offset, 0, range.size);
}

}  // namespace hesper::platform
