// Shared memory on any POSIX system: shm_open, with the name removed at once. Cannot be sealed. Mappings are in
// ../mapping.cpp.
#include "platform/shared_memory.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstring>

namespace hesper::platform {

Result<UniqueFd> create_shared_memory(const char* /*name*/, std::size_t size) {
  // The caller's name is not used: macOS allows 31 characters, and these must be unique.
  static std::atomic<unsigned> counter = 0;
  constexpr int kTries = 100;  // a name is taken only where a process of the same id died between open and unlink
  for (int i = 0; i < kTries; ++i) {
    const std::string name = fmt::format("/hesper-{}-{}", ::getpid(), counter++);
    UniqueFd fd(::shm_open(name.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
    if (!fd && errno == EEXIST) continue;
    if (!fd) return fail_errno("Creating shared memory fails", errno);
    ::shm_unlink(name.c_str());
    if (::ftruncate(fd.get(), static_cast<off_t>(size)) != 0)
      return fail_errno(fmt::format("Sizing shared memory to {} bytes fails", size), errno);
    return fd;
  }
  return fail("Creating shared memory fails: every name that was tried exists.", EEXIST);
}

bool cannot_shrink(int /*fd*/) noexcept { return true; }

void discard(int /*fd*/, const Mapping& mapping, const FileRange& range) noexcept {
  std::memset(mapping.data() + range.offset, 0, range.size);  // POSIX has no way to give pages of such a file back
}

}  // namespace hesper::platform
