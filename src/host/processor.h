// The processor: its name, its cores and threads and what they share, NUMA nodes, whether it can run guests.
#pragma once

#include <string>
#include <string_view>

#include "host/facts.h"
#include "host/system.h"

namespace hesper::host {

[[nodiscard]] Processor look_at_processor(const System& system, const OperatingSystem& os);

// The vendor that ARM's "CPU implementer" stands for, and the core's name where "CPU part" tells it; may be empty.
[[nodiscard]] std::string_view arm_vendor(unsigned implementer) noexcept;
[[nodiscard]] std::string_view arm_core(unsigned implementer, unsigned part) noexcept;

}  // namespace hesper::host
