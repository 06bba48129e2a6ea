// What the server counts, as Prometheus reads it. docs/web.md has the names.
#pragma once

#include <string>

#include "screen/web/hall.h"

namespace hesper::screen::web {

// In the text format. The server's thread.
[[nodiscard]] std::string metrics_text(Hall& hall);

}  // namespace hesper::screen::web
