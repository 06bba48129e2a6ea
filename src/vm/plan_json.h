// A Plan as JSON: how the launcher of a running machine tells hesper export what it was started with.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "vm/plan.h"

namespace hesper::vm {

// Everything but what is of this moment: folder and connections.
[[nodiscard]] nlohmann::json to_json(const Plan& plan);

// Errors: a value is missing or is none of those that to_json() writes, as from a launcher of another version.
[[nodiscard]] Result<Plan> plan_from_json(const nlohmann::json& json);

}  // namespace hesper::vm
