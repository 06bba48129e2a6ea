// Level: how much a worker is confined. What each level means is decided in policy.h and explained in docs/sandbox.md.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace hesper::sandbox {

// Each contains those before it.
enum class Level : std::uint8_t {
  off,
  basic,   // limits, no new privileges, dangerous system calls forbidden; the user's files and network stay in reach
  strict,  // only the driver's files, no network, no processes, only the system calls that the driver needs
};

// "off", "basic", "strict".
[[nodiscard]] std::optional<Level> parse_level(std::string_view name) noexcept;
[[nodiscard]] const char* name_of(Level level) noexcept;

}  // namespace hesper::sandbox
