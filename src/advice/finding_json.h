// Findings as JSON, as hesper doctor --json prints them.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "advice/findings.h"

namespace hesper::advice {

// {"id", "subject", "area", "severity", "leaves", "open", "sentence", "effect", "note", "sources": [], "steps": []}
[[nodiscard]] nlohmann::json to_json(const Finding& finding);
// {"acceleration": "full", "reduced" or "none", "reason", "certain"}
[[nodiscard]] nlohmann::json to_json(const Verdict& verdict);

}  // namespace hesper::advice
