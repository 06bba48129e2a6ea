// Every kind of output that hesper-view can have, in one list.
#pragma once

#include <span>

#include "base/error.h"
#include "cli/view_options.h"
#include "screen/output.h"

namespace hesper::cli {

struct OutputKind {
  // Whether the user has asked for one.
  bool (*wanted)(const ViewOptions& options);
  Result<screen::Prepared> (*prepare)(const ViewOptions& options, const screen::Preparing& preparing);
};

[[nodiscard]] std::span<const OutputKind> output_kinds() noexcept;

}  // namespace hesper::cli
