// A passthrough plan as JSON, as hesper passthrough --json prints it. docs/passthrough.md has the schema.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "advice/passthrough.h"

namespace hesper::advice {

[[nodiscard]] nlohmann::json to_json(const PassthroughPlan& plan);

}  // namespace hesper::advice
