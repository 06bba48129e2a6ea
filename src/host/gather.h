// gather_facts: asks a System for everything that facts.h has a place for, side by side where that saves time. What
// cannot be found out becomes an unknown fact with its reason: never an error, whatever the host's files hold.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "host/facts.h"
#include "host/system.h"

namespace hesper::host {

struct GatherOptions {
  bool run_self_tests = true;  // of accelerators and encoders: the two that take more than some milliseconds
};

// Takes about a second on a usual host.
[[nodiscard]] Facts gather_facts(const System& system, const GatherOptions& options = {});

// All of it, facts as {"value":..., "source":...} or {"unknown": reason, "source":...}. docs/doctor.md has the schema.
[[nodiscard]] nlohmann::json to_json(const Facts& facts);

}  // namespace hesper::host
