// Window: the checks.
#include "gpu/window.h"

#include <fmt/format.h>

#include <iterator>

namespace hesper::gpu {

Answer<WindowRange> Window::take(std::uint64_t offset, std::uint64_t size) {
  if (size_ == 0) return cannot(VIRTIO_GPU_RESP_ERR_UNSPEC, "There is no host-visible window to map a blob into.");
  if (offset % granularity_ != 0) {
    const auto reason =
        fmt::format("Window offset {:#x} is not a multiple of {}, as this host needs.", offset, granularity_);
    constexpr std::uint64_t kGuestPage = 4096;
    if (offset % kGuestPage != 0) return refuse(VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER, reason);
    return cannot(VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER, reason + " A guest kernel with pages of that size helps.");
  }
  // Cannot overflow in what follows: a size beyond the window is refused before it is rounded.
  if (size > size_ || offset > size_ - size)
    return refuse(VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER,
                  fmt::format("{} bytes at offset {:#x} are not within the window of {} bytes.", size, offset, size_));
  const std::uint64_t rounded = (size + granularity_ - 1) & ~(granularity_ - 1);
  const auto next = taken_.lower_bound(offset);
  const bool meets_next = next != taken_.end() && next->first - offset < rounded;
  bool meets_previous = false;
  if (next != taken_.begin()) {
    const auto previous = std::prev(next);
    meets_previous = offset - previous->first < previous->second;
  }
  if (meets_next || meets_previous)
    return refuse(VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER,
                  fmt::format("{} bytes at window offset {:#x} are mapped in part already.", size, offset));
  taken_.emplace(offset, rounded);
  return WindowRange{.offset = offset, .size = rounded};
}

}  // namespace hesper::gpu
