// Shared memory on Linux: memfd, sealed in its size. Mappings are in ../mapping.cpp.
#include "platform/shared_memory.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace hesper::platform {

Result<UniqueFd> create_shared_memory(const char* name, std::size_t size) {
  UniqueFd fd(::memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!fd) return fail_errno("Creating shared memory fails", errno);
  if (::ftruncate(fd.get(), static_cast<off_t>(size)) != 0)
    return fail_errno(fmt::format("Sizing shared memory to {} bytes fails", size), errno);
  if (::fcntl(fd.get(), F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0)
    return fail_errno("Sealing shared memory fails", errno);
  return fd;
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
