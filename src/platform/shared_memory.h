// Shared memory: anonymous files that two processes map. Linux: sealed memfd; elsewhere: POSIX shm, unlinked at once.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/unique_fd.h"

namespace hesper::platform {

// Bytes; a power of two.
[[nodiscard]] std::size_t page_size() noexcept;

// A zeroed file of `size` bytes (> 0, not rounded), open for reading and writing, close-on-exec. Where the system can
// (Linux), it is sealed against shrinking and growing, so that whoever gets the fd cannot make others fault.
// name: for /proc and debuggers only.
[[nodiscard]] Result<UniqueFd> create_shared_memory(const char* name, std::size_t size);

// True if nobody can make fd's file shorter than it is, so that a mapping of it never faults, whoever else has the fd:
// a sealed memfd. Elsewhere than on Linux: any file, since POSIX shm cannot be resized on macOS.
[[nodiscard]] bool cannot_shrink(int fd) noexcept;

// The same, with a second descriptor by which the file can only be read and mapped for reading, whatever else the one
// who gets it may do. Make it before a sandbox: this opens a file.
struct SharedMemoryWithReader {
  UniqueFd fd = UniqueFd();
  UniqueFd reader = UniqueFd();
};
[[nodiscard]] Result<SharedMemoryWithReader> create_shared_memory_with_reader(const char* name, std::size_t size);

struct FileRange {
  std::uint64_t offset = 0;
  std::uint64_t size = 0;
};
// The parts of [0, size) of a file that may hold something else than zeros; whole pages but for the last. All of it
// where the system does not know. Moves the file's offset.
[[nodiscard]] std::vector<FileRange> written_ranges(int fd, std::uint64_t size);

// One mapping, read and write, shared. Unmapped by the destructor. Moving keeps the address.
class Mapping {
 public:
  Mapping() noexcept = default;
  Mapping(Mapping&& from) noexcept;
  Mapping& operator=(Mapping&& from) noexcept;
  ~Mapping();

  // Maps bytes [offset, offset + size) of fd (borrowed). offset: a multiple of page_size().
  // align: the address is a multiple of it; a power of two, at least page_size() (0 means page_size()).
  // The mapping covers whole pages; bytes past the file's end inside the last page are readable and zero.
  [[nodiscard]] static Result<Mapping> map(int fd, std::size_t size, std::uint64_t offset = 0, std::size_t align = 0);

  // Puts bytes of fd (borrowed) from `offset` on, a multiple of page_size(), in the place of those that are mapped, at
  // the same address. Who reads or writes meanwhile finds these or those. Error: the address may have nothing behind it
  // any more, so that its users are lost.
  [[nodiscard]] Result<void> replace(int fd, std::uint64_t offset);

  [[nodiscard]] std::byte* data() const noexcept { return data_; }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  [[nodiscard]] std::span<std::byte> bytes() const noexcept { return {data_, size_}; }

 private:
  friend class ReadMapping;
  Mapping(std::byte* data, std::size_t size) noexcept : data_(data), size_(size) {}
  [[nodiscard]] static Result<Mapping> map_as(int protection, int fd, std::size_t size, std::uint64_t offset,
                                              std::size_t align);

  std::byte* data_ = nullptr;
  std::size_t size_ = 0;
};

// One mapping for reading only, shared: what others write shows up. Moving keeps the address.
class ReadMapping {
 public:
  ReadMapping() noexcept = default;
  // Maps the whole file (borrowed), which may be open for reading only.
  // Errors: EINVAL, the file is empty, or somebody could make it shorter, so that reading would fault.
  [[nodiscard]] static Result<ReadMapping> map(int fd);

  [[nodiscard]] std::span<const std::byte> bytes() const noexcept { return mapping_.bytes(); }

 private:
  explicit ReadMapping(Mapping mapping) noexcept : mapping_(std::move(mapping)) {}
  Mapping mapping_;  // never written to
};

// Zeroed memory that this process writes to, and others can only read: `reader` is what they get. Opens no file.
struct PublishedMemory {
  UniqueFd reader;
  Mapping mapping;
};
[[nodiscard]] Result<PublishedMemory> create_published_memory(const char* name, std::size_t size);

// Zeroes a range of a shared-memory file, and gives its pages back to the system where that can be done. Bytes outside
// of the range stay, also in its first and last page. mapping: of the whole file, from its begin.
void discard(int fd, const Mapping& mapping, const FileRange& range) noexcept;

}  // namespace hesper::platform
