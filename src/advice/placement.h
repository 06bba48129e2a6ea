// Placement: choosing processors for a guest by the host's topology. See tuning.h, which is what others include.
#pragma once

#include <expected>
#include <string>

#include "advice/tuning.h"

namespace hesper::advice {

// Whole cores with all their siblings; of one NUMA node that also has the memory, that of the device passed through or
// of the GPU first; fast cores before slow ones, and not both; as few last caches as possible. The first core is taken
// last, as a host's own work tends to be there, and one core at least is left, two of hosts with more than eight.
// Errors: a sentence that says why pinning would do harm, or cannot be planned.
[[nodiscard]] std::expected<Placement, std::string> place(const host::Facts& facts, const TuningQuestion& question);

}  // namespace hesper::advice
