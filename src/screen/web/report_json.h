// What the server says about itself as JSON, for the page's overlay.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "frame/ledger.h"
#include "screen/web/picture_stream.h"

namespace hesper::screen::web {

[[nodiscard]] nlohmann::json to_json(const frame::OutputReport& report);
[[nodiscard]] nlohmann::json to_json(const StreamReport& report);

}  // namespace hesper::screen::web
