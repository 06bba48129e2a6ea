// Backing: gathering.
#include "gpu/backing.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

namespace hesper::gpu {
namespace {

bool is_ram(const GuestView& view, std::uint64_t address, std::uint64_t size) noexcept {
  while (size > 0) {
    const auto piece = view.at(address, size);
    if (piece.empty()) return false;
    address += piece.size();
    size -= piece.size();
  }
  return true;
}

}  // namespace

Answer<Backing> Backing::create(std::span<const virtio_gpu_mem_entry> entries, const GuestView& view, Budget& budget) {
  Backing backing;
  constexpr std::uint64_t kCost = sizeof(virtio_gpu_mem_entry) + sizeof(std::uint64_t);
  backing.charge_ = Budget::Charge(budget, entries.size() * kCost);
  if (!backing.charge_)
    return cannot(VIRTIO_GPU_RESP_ERR_OUT_OF_MEMORY,
                  fmt::format("A list of {} pieces of guest memory does not fit in what is left of {} MiB.",
                              entries.size(), budget.limit() >> 20));
  backing.entries_.reserve(entries.size());
  backing.starts_.reserve(entries.size());
  // No sum of 32-bit lengths overflows: there are not that many entries.
  for (const virtio_gpu_mem_entry& entry : entries) {
    if (entry.length == 0) continue;
    if (!is_ram(view, entry.addr, entry.length))
      return refuse(VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER,
                    fmt::format("{} bytes at guest address {:#x} are not RAM.", entry.length, entry.addr));
    backing.entries_.push_back(entry);
    backing.starts_.push_back(backing.size_);
    backing.size_ += entry.length;
  }
  return backing;
}

bool Backing::read(const GuestView& view, std::uint64_t offset, std::span<std::byte> to) const noexcept {
  if (offset > size_ || to.size() > size_ - offset) return false;
  if (to.empty()) return true;
  auto index = static_cast<std::size_t>(std::ranges::upper_bound(starts_, offset) - starts_.begin()) - 1;
  std::uint64_t skip = offset - starts_[index];
  while (!to.empty()) {
    const virtio_gpu_mem_entry& entry = entries_[index];
    const auto piece = view.at(entry.addr + skip, std::min<std::uint64_t>(entry.length - skip, to.size()));
    if (piece.empty()) return false;  // it was RAM when it was attached
    std::memcpy(to.data(), piece.data(), piece.size());
    to = to.subspan(piece.size());
    skip += piece.size();
    if (skip == entry.length) {
      ++index;
      skip = 0;
    }
  }
  return true;
}

}  // namespace hesper::gpu
