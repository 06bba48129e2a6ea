// Options as JSON, as hesper plan --json prints them. docs/plan.md has the schema.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "advice/options.h"

namespace hesper::advice {

[[nodiscard]] nlohmann::json to_json(const Sourced& sourced);
[[nodiscard]] nlohmann::json to_json(const Option& option);

}  // namespace hesper::advice
