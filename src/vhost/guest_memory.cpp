// GuestMemory: mapping what comes, keeping what stays.
#include "vhost/guest_memory.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <limits>
#include <utility>

#include "base/log.h"

namespace hesper::vhost {
namespace {

constexpr std::uint64_t kMax = std::numeric_limits<std::uint64_t>::max();

// True if [address, address + size) does not pass the end of the address space; it may touch it.
bool fits(std::uint64_t address, std::uint64_t size) noexcept { return size > 0 && size - 1 <= kMax - address; }

std::string describe(const RegionDescription& region) {
  return fmt::format("The memory region at {:#x} of {:#x} bytes", region.guest_address, region.size);
}

Result<void> check(const RegionDescription& region) {
  if (!fits(region.guest_address, region.size) || !fits(region.user_address, region.size))
    return fail(fmt::format("{} is empty or passes the end of the address space.", describe(region)), EINVAL);
  return {};
}

// In what steps a file can be mapped: pages, or for hugetlbfs its own larger ones.
std::uint64_t mapping_step(const struct stat& info) noexcept {
  constexpr std::uint64_t kLargest = std::uint64_t{1} << 30;
  const std::uint64_t page = platform::page_size();
  const auto block = static_cast<std::uint64_t>(std::max<decltype(info.st_blksize)>(info.st_blksize, 0));
  return block > page && block <= kLargest && std::has_single_bit(block) ? block : page;
}

}  // namespace

std::optional<FileIdentity> identity_of(int fd) noexcept {
  struct stat info{};
  if (::fstat(fd, &info) != 0 || info.st_ino == 0) return std::nullopt;
  return FileIdentity{.device = info.st_dev, .inode = info.st_ino};
}

MemoryTable::MemoryTable(std::vector<Region> regions) : regions_(std::move(regions)) {
  std::ranges::sort(regions_, {}, [](const Region& region) { return region.description.guest_address; });
}

const MemoryTable::Region* MemoryTable::find(std::uint64_t guest_address) const noexcept {
  const auto after = std::ranges::upper_bound(regions_, guest_address, {},
                                              [](const Region& region) { return region.description.guest_address; });
  if (after == regions_.begin()) return nullptr;
  const Region& region = *std::prev(after);
  return guest_address - region.description.guest_address < region.description.size ? &region : nullptr;
}

bool MemoryTable::contains(std::uint64_t address, std::uint64_t length) const noexcept {
  while (length > 0) {
    const Region* region = find(address);
    if (region == nullptr || region->data == nullptr) return false;
    const std::uint64_t here = region->description.size - (address - region->description.guest_address);
    if (length <= here) return true;
    if (here > kMax - address) return false;  // the address space ends here
    address += here;
    length -= here;
  }
  return true;
}

bool MemoryTable::append_pieces(std::uint64_t address, std::uint64_t length, std::vector<Piece>& pieces) const {
  if (!contains(address, length)) return false;
  while (length > 0) {
    const Region& region = *find(address);
    const std::uint64_t offset = address - region.description.guest_address;
    const std::uint64_t here = std::min(length, region.description.size - offset);
    // SAFETY: offset + here <= size, and the mapping has as many bytes from `data` on.
    pieces.emplace_back(region.data + offset, here);
    address += here;
    length -= here;
  }
  return true;
}

std::byte* MemoryTable::contiguous(AddressSpace space, std::uint64_t address, std::uint64_t length) const noexcept {
  for (const Region& region : regions_) {
    const std::uint64_t start =
        space == AddressSpace::guest ? region.description.guest_address : region.description.user_address;
    if (region.data == nullptr || address < start || address - start >= region.description.size) continue;
    if (length > region.description.size - (address - start)) continue;
    return region.data + (address - start);
  }
  return nullptr;
}

GuestMemory::GuestMemory() : table_(std::make_shared<const MemoryTable>(std::vector<MemoryTable::Region>{})) {}

std::shared_ptr<const MemoryTable> GuestMemory::table() const {
  const std::scoped_lock lock(mutex_);
  return table_;
}

std::optional<Lease> GuestMemory::lease(std::uint64_t address, std::uint64_t length) const {
  Lease lease{.pieces = {}, .table = table()};
  if (!lease.table->append_pieces(address, length, lease.pieces)) return std::nullopt;
  return lease;
}

Result<void> GuestMemory::replace(std::span<const RegionDescription> regions, std::span<const UniqueFd> fds) {
  if (regions.size() != fds.size())
    return fail(fmt::format("{} memory regions come with {} files.", regions.size(), fds.size()), EINVAL);
  if (regions.size() > kMaxRegions)
    return fail(fmt::format("{} memory regions are more than the limit, {}.", regions.size(), kMaxRegions), ENOSPC);
  std::vector<MemoryTable::Region> mapped;
  mapped.reserve(regions.size());
  for (std::size_t i = 0; i < regions.size(); ++i) {
    auto region = map(regions[i], fds[i].get());
    if (!region) return std::unexpected(std::move(region.error()));
    mapped.push_back(std::move(*region));
  }
  std::ranges::sort(mapped, {}, [](const MemoryTable::Region& region) { return region.description.guest_address; });
  const auto overlap = std::ranges::adjacent_find(mapped, [](const auto& one, const auto& next) {
    return next.description.guest_address - one.description.guest_address < one.description.size;
  });
  if (overlap != mapped.end()) return fail(fmt::format("{} overlaps another.", describe(overlap->description)), EINVAL);
  publish(std::move(mapped));
  return {};
}

Result<void> GuestMemory::add(const RegionDescription& region, const UniqueFd& fd) {
  const auto before = table();
  if (before->regions().size() >= kMaxRegions)
    return fail(fmt::format("There are {} memory regions already, the limit.", kMaxRegions), ENOSPC);
  auto mapped = map(region, fd.get());
  if (!mapped) return std::unexpected(std::move(mapped.error()));
  const bool overlaps = std::ranges::any_of(before->regions(), [&](const MemoryTable::Region& other) {
    const auto& [start, size] = std::pair(other.description.guest_address, other.description.size);
    return start < region.guest_address ? region.guest_address - start < size
                                        : start - region.guest_address < region.size;
  });
  if (overlaps) return fail(fmt::format("{} overlaps another.", describe(region)), EINVAL);
  std::vector<MemoryTable::Region> regions(before->regions().begin(), before->regions().end());
  regions.push_back(std::move(*mapped));
  publish(std::move(regions));
  return {};
}

Result<void> GuestMemory::remove(const RegionDescription& region) {
  const auto before = table();
  std::vector<MemoryTable::Region> regions(before->regions().begin(), before->regions().end());
  const auto removed = std::erase_if(regions, [&](const MemoryTable::Region& other) {
    const RegionDescription& it = other.description;
    return it.guest_address == region.guest_address && it.size == region.size && it.user_address == region.user_address;
  });
  if (removed == 0) return fail(fmt::format("{} does not exist.", describe(region)), ENOENT);
  publish(std::move(regions));
  return {};
}

void GuestMemory::add_window(FileIdentity file) { windows_.push_back(file); }
void GuestMemory::remove_window(FileIdentity file) {
  if (const auto found = std::ranges::find(windows_, file); found != windows_.end()) windows_.erase(found);
}

Result<MemoryTable::Region> GuestMemory::map(const RegionDescription& region, int fd) const {
  if (auto checked = check(region); !checked) return std::unexpected(std::move(checked.error()));
  MemoryTable::Region result{.description = region, .file = identity_of(fd), .mapping = nullptr, .data = nullptr};
  if (result.file && std::ranges::contains(windows_, *result.file)) return result;

  struct stat info{};
  if (::fstat(fd, &info) != 0)
    return fail_errno(fmt::format("{} has a file that cannot be asked", describe(region)), errno);
  const auto file_size = static_cast<std::uint64_t>(std::max<off_t>(info.st_size, 0));
  if (region.file_offset > file_size || region.size > file_size - region.file_offset)
    return fail(fmt::format("{} begins at byte {:#x} of a file that has only {:#x}.", describe(region),
                            region.file_offset, file_size),
                EINVAL);

  const auto before = table();
  const auto same = std::ranges::find_if(before->regions(), [&](const MemoryTable::Region& other) {
    return other.mapping && result.file && other.file == result.file && other.description.size == region.size &&
           other.description.file_offset == region.file_offset;
  });
  if (same != before->regions().end()) {
    result.mapping = same->mapping;
    result.data = same->data;
    return result;
  }

  const std::uint64_t step = mapping_step(info);
  const std::uint64_t start = region.file_offset & ~(step - 1);
  const std::uint64_t lead = region.file_offset - start;
  // No overflow: offset + size is at most a file's size, which is below 2^63.
  const std::uint64_t length = (lead + region.size + step - 1) & ~(step - 1);
  auto mapping = platform::Mapping::map(fd, length, start);
  if (!mapping) return fail(fmt::format("{}: {}", describe(region), mapping.error().message), mapping.error().code);
  if (!platform::cannot_shrink(fd) && !std::exchange(unsealed_told_, true))
    log::info(
        "The guest's memory is in a file that could be made shorter; if the front-end did, Hesper would end. With "
        "QEMU's memory-backend-memfd it cannot.");
  result.data = mapping->data() + lead;
  result.mapping = std::make_shared<const platform::Mapping>(std::move(*mapping));
  return result;
}

void GuestMemory::publish(std::vector<MemoryTable::Region> regions) {
  auto next = std::make_shared<const MemoryTable>(std::move(regions));
  {
    const std::scoped_lock lock(mutex_);
    table_.swap(next);
  }
  // The old table may go here, outside of the lock: that unmaps.
}

}  // namespace hesper::vhost
