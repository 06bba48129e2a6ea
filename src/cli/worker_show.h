// What hesper-render does for `hesper capture`: prints what is in a capture, to standard output.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/unique_fd.h"
#include "capture/show.h"

namespace hesper::cli {

// capture: open for reading. Both return the exit status: 0; 1 if the capture is damaged or cut off, which is logged
// after what could be read was printed.
[[nodiscard]] int show_capture(UniqueFd capture, const capture::ShowOptions& options, bool json);
[[nodiscard]] int summarize_capture(UniqueFd capture, bool json);

}  // namespace hesper::cli
