// GuestMemory: the guest's RAM as this room sees it. Who maps it (a vhost-user front-end's table) is not known here.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

namespace hesper::gpu {

// What the guest's RAM is at one moment. The pieces stay mapped for as long as this lives, whatever becomes of the
// table.
class GuestView {
 public:
  virtual ~GuestView() = default;
  // The longest contiguous piece of host memory that begins at the guest-physical `address`, at most `size` bytes.
  // Empty: there is no RAM at the address. The guest may write to it at any time.
  [[nodiscard]] virtual std::span<std::byte> at(std::uint64_t address, std::uint64_t size) const noexcept = 0;
};

class GuestMemory {
 public:
  virtual ~GuestMemory() = default;
  // Never nullptr. Asked for once a command, and dropped with it: holding one keeps RAM mapped that the guest no longer
  // has.
  [[nodiscard]] virtual std::shared_ptr<const GuestView> view() const = 0;
};

}  // namespace hesper::gpu
