// Steps as JSON, as all commands that advise print them.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "advice/step.h"

namespace hesper::advice {

// {"title", "reason", "files": [{"path", "contents", "mode": "644"}], "commands": [], "undo": [], "takes":
// "effect_at_once", "new_login" or "reboot", "if_it_fails"}
[[nodiscard]] nlohmann::json to_json(const Step& step);

}  // namespace hesper::advice
