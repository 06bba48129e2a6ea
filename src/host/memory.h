// Memory: how much, in which pages; and what this process may take of it and of other things.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "host/facts.h"
#include "host/system.h"

namespace hesper::host {

[[nodiscard]] Memory look_at_memory(const System& system, const OperatingSystem& os);
[[nodiscard]] Limits look_at_limits(const System& system, const OperatingSystem& os);

// A line of /proc/meminfo, "MemTotal: 32768 kB", in bytes.
[[nodiscard]] std::optional<std::uint64_t> meminfo_value(std::string_view text, std::string_view key);
// A line of /proc/PID/limits, "Max locked memory  8388608  8388608  bytes"; ~0: unlimited.
struct SoftAndHard {
  std::uint64_t soft = 0, hard = 0;
  friend bool operator==(const SoftAndHard&, const SoftAndHard&) = default;
};
[[nodiscard]] std::optional<SoftAndHard> limit_in(std::string_view text, std::string_view name);
// The chosen one of "always [madvise] never"; empty if none is.
[[nodiscard]] std::string_view bracketed(std::string_view text);

}  // namespace hesper::host
