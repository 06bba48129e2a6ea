// hash64: XXH64, a fast 64-bit hash with a fixed specification. For checksums and digests that leave the process; it
// does not stand up to somebody who looks for collisions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace hesper {

[[nodiscard]] std::uint64_t hash64(std::span<const std::byte> bytes, std::uint64_t seed = 0) noexcept;

}  // namespace hesper
