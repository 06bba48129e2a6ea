// Limits: how much of the system's resources this process may use. They cannot be raised again.
#pragma once

#include <cstdint>
#include <optional>

#include "base/error.h"

namespace hesper::platform {

// Unset: as inherited. A limit above the inherited hard limit becomes that hard limit.
struct Limits {
  std::optional<std::uint64_t> address_space;  // bytes
  std::optional<std::uint64_t> open_files;
  std::optional<std::uint64_t> file_size;  // bytes; also of shared memory. A larger file is EFBIG and no signal.
  // Of the process's user namespace: of use only where the process has one for itself.
  std::optional<std::uint64_t> threads;
};

// Sets these, and forbids core files and real-time scheduling.
[[nodiscard]] Result<void> set_limits(const Limits& limits);

// Bytes of physical memory of this host; 0: unknown.
[[nodiscard]] std::uint64_t physical_memory() noexcept;

}  // namespace hesper::platform
