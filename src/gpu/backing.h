// Backing: the guest memory of a resource, a list of guest-physical ranges. Byte i of the resource is byte i of their
// concatenation. Keeps addresses, never pointers, as the guest's memory may change at any time.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/budget.h"
#include "gpu/answer.h"
#include "gpu/guest_memory.h"
#include "gpu/protocol.h"

namespace hesper::gpu {

class Backing {
 public:
  // entries: as the guest has them: of any address and length. budget: pays for the list, and outlives it.
  // Errors: invalid_parameter (part of it is not RAM), out_of_memory.
  [[nodiscard]] static Answer<Backing> create(std::span<const virtio_gpu_mem_entry> entries, const GuestView& view,
                                              Budget& budget);

  [[nodiscard]] std::uint64_t size() const noexcept { return size_; }  // bytes
  [[nodiscard]] std::span<const virtio_gpu_mem_entry> entries() const noexcept { return entries_; }

  // Copies from `offset`. False: not all of it is there.
  [[nodiscard]] bool read(const GuestView& view, std::uint64_t offset, std::span<std::byte> to) const noexcept;

 private:
  Backing() = default;

  std::vector<virtio_gpu_mem_entry> entries_;  // none of length 0
  std::vector<std::uint64_t> starts_;          // of each entry in the resource
  std::uint64_t size_ = 0;
  Budget::Charge charge_;
};

}  // namespace hesper::gpu
