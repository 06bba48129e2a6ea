// The capset: what the Venus driver in a client is told before it says anything. Knows no door that tells it.
#pragma once

#include <array>
#include <cstddef>

namespace hesper::wire {

inline constexpr std::size_t kCapsetSize = 160;  // bytes; capset id 4, version 0

struct CapsetOptions {
  bool use_guest_vram = false;  // clients make a blob first, and then the device memory that lies in it
};

// docs/wire.md, "Capset". Never fails.
[[nodiscard]] std::array<std::byte, kCapsetSize> capset(const CapsetOptions& options);

}  // namespace hesper::wire
