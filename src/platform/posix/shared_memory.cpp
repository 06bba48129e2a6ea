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

namespace {

// reader: nullptr, or where a descriptor for reading only is to go.
Result<UniqueFd> create(std::size_t size, UniqueFd* reader) {
  // The caller's name is not used: macOS allows 31 characters, and these must be unique.
  static std::atomic<unsigned> counter = 0;
  constexpr int kTries = 100;  // a name is taken only where a process of the same id died between open and unlink
  for (int i = 0; i < kTries; ++i) {
    const std::string name = fmt::format("/hesper-{}-{}", ::getpid(), counter++);
    UniqueFd fd(::shm_open(name.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
    if (!fd && errno == EEXIST) continue;
    if (!fd) return fail_errno("Creating shared memory fails", errno);
    if (reader != nullptr) *reader = UniqueFd(::shm_open(name.c_str(), O_RDONLY | O_CLOEXEC, 0));
    const int error = errno;
    ::shm_unlink(name.c_str());
    if (reader != nullptr && !*reader) return fail_errno("Opening shared memory for reading fails", error);
    if (::ftruncate(fd.get(), static_cast<off_t>(size)) != 0)
      return fail_errno(fmt::format("Sizing shared memory to {} bytes fails", size), errno);
    return fd;
  }
  return fail("Creating shared memory fails: every name that was tried exists.", EEXIST);
}

}  // namespace

Result<UniqueFd> create_shared_memory(const char* /*name*/, std::size_t size) { return create(size, nullptr); }

Result<SharedMemoryWithReader> create_shared_memory_with_reader(const char* /*name*/, std::size_t size) {
  SharedMemoryWithReader made;
  auto fd = create(size, &made.reader);
  if (!fd) return std::unexpected(std::move(fd.error()));
  made.fd = std::move(*fd);
  return made;
}

Result<PublishedMemory> create_published_memory(const char* name, std::size_t size) {
  auto made = create_shared_memory_with_reader(name, size);
  if (!made) return std::unexpected(std::move(made.error()));
  auto mapping = Mapping::map(made->fd.get(), size);
  if (!mapping) return std::unexpected(std::move(mapping.error()));
  return PublishedMemory{.reader = std::move(made->reader), .mapping = std::move(*mapping)};
}

bool cannot_shrink(int /*fd*/) noexcept { return true; }

void discard(int /*fd*/, const Mapping& mapping, const FileRange& range) noexcept {
  std::memset(mapping.data() + range.offset, 0, range.size);  // POSIX has no way to give pages of such a file back
}

}  // namespace hesper::platform
