// Trace: an output for tests and for those who look for a fault: a line of JSON for each thing that the displays tell.
// Shows nobody anything.
#pragma once

#include <filesystem>
#include <memory>

#include "base/error.h"
#include "screen/output.h"

namespace hesper::screen {

struct TraceOptions {
  std::filesystem::path file;  // "-": standard output; one that exists is added to
};

// Lines are {"display": N, ...} with "frame" (serial, width, height, format, copies, damage, crc32 of the picture's
// bytes as red, green, blue; and times in nanoseconds), "blank", "cursor", "info" or "ended".
[[nodiscard]] Result<Prepared> prepare_trace(const TraceOptions& options, const Preparing& preparing);

}  // namespace hesper::screen
