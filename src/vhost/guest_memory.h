// GuestMemory: the guest's memory as the front-end describes it, mapped here. Immutable tables behind shared pointers;
// knows no message and no ring.
//
// Who takes a table, or pieces with their lease, keeps its mappings for as long as he holds it: a change of the table
// never takes memory away under somebody's hands. So hold it for one operation, not for the life of a resource, or
// memory that the front-end has unplugged stays mapped.
//
// A file that is made shorter while it is mapped makes accesses behind its new end fail with SIGBUS. Sizes are checked
// when a region comes; afterwards only the file's own seals help. QEMU's memory-backend-memfd seals its files against
// shrinking, so there it cannot happen, whatever the guest does. With other backends the front-end, and whoever else it
// gave the file to, could end this process; the front-end could anyway, by hanging up. It is told in the log.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <vector>

#include "base/error.h"
#include "base/unique_fd.h"
#include "platform/shared_memory.h"

namespace hesper::vhost {

// In which addresses a range is given: the guest's physical ones, or the front-end's own virtual ones, which stand in
// SET_VRING_ADDR of front-ends without GPA_ADDRESSES.
enum class AddressSpace : std::uint8_t { guest, user };

// A region, as in the messages SET_MEM_TABLE, ADD_MEM_REG and REM_MEM_REG.
struct RegionDescription {
  std::uint64_t guest_address = 0;
  std::uint64_t size = 0;  // bytes, > 0
  std::uint64_t user_address = 0;
  std::uint64_t file_offset = 0;  // bytes; "mmap offset" in the specification
};

// Which file an fd is of. Not known where the system does not number its shared memory (macOS).
struct FileIdentity {
  dev_t device = 0;
  ino_t inode = 0;
  friend bool operator==(const FileIdentity&, const FileIdentity&) = default;
};
[[nodiscard]] std::optional<FileIdentity> identity_of(int fd) noexcept;

// One state of the guest's memory. Any thread.
class MemoryTable {
 public:
  using Piece = std::span<std::byte>;

  struct Region {
    RegionDescription description;
    std::optional<FileIdentity> file;
    std::shared_ptr<const platform::Mapping> mapping;  // none: not memory but a window of ours
    std::byte* data = nullptr;                         // the region's first byte, null without a mapping
  };

  // regions: none overlaps another in guest addresses, none passes the end of the address space.
  explicit MemoryTable(std::vector<Region> regions);

  // True if all of [address, address + length) is the guest's memory; it may span regions.
  [[nodiscard]] bool contains(std::uint64_t address, std::uint64_t length) const noexcept;

  // Appends the host memory of a range of guest addresses, in order, none of it empty. False: not all of it is memory;
  // nothing is appended then.
  [[nodiscard]] bool append_pieces(std::uint64_t address, std::uint64_t length, std::vector<Piece>& pieces) const;

  // The host memory of a range that lies in one region; null if there is no such region. length: > 0.
  [[nodiscard]] std::byte* contiguous(AddressSpace space, std::uint64_t address, std::uint64_t length) const noexcept;

  [[nodiscard]] std::span<const Region> regions() const noexcept { return regions_; }

 private:
  [[nodiscard]] const Region* find(std::uint64_t guest_address) const noexcept;

  std::vector<Region> regions_;  // by guest address
};

// A range of guest memory, and the table that keeps it mapped.
struct Lease {
  std::vector<MemoryTable::Piece> pieces;
  std::shared_ptr<const MemoryTable> table;
};

// The current table. Changed by one thread, read by any.
class GuestMemory {
 public:
  static constexpr std::size_t kMaxRegions = 512;  // as many as QEMU has at most

  GuestMemory();

  [[nodiscard]] std::shared_ptr<const MemoryTable> table() const;
  // Nothing if any of it is not memory.
  [[nodiscard]] std::optional<Lease> lease(std::uint64_t address, std::uint64_t length) const;

  // The changes. Regions that are there already (same file, offset and size) keep their mappings, new ones are mapped
  // before old ones go. On an error nothing changes. fds: of regions' files, in the same order.
  [[nodiscard]] Result<void> replace(std::span<const RegionDescription> regions, std::span<const UniqueFd> fds);
  [[nodiscard]] Result<void> add(const RegionDescription& region, const UniqueFd& fd);
  // The region with these addresses and this size; its file offset does not count.
  [[nodiscard]] Result<void> remove(const RegionDescription& region);

  // Regions of this file, which we made and gave to the front-end as a window, are not the guest's memory: they get a
  // place in the table, but no mapping. For regions that come from now on. A file that was added twice is a window
  // until it was removed twice.
  void add_window(FileIdentity file);
  void remove_window(FileIdentity file);

 private:
  [[nodiscard]] Result<MemoryTable::Region> map(const RegionDescription& region, int fd) const;
  void publish(std::vector<MemoryTable::Region> regions);

  mutable std::mutex mutex_;  // of table_
  std::shared_ptr<const MemoryTable> table_;
  std::vector<FileIdentity> windows_;
  mutable bool unsealed_told_ = false;
};

}  // namespace hesper::vhost
