// The options of `hesper record`, and the same ones as hesper-view has them: --record FILE, --record-duration and so
// on.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "screen/record/record.h"

namespace CLI {
class App;
}

namespace hesper::cli {

// options: filled when the command line is parsed, and must live as long as `command`.
void add_record_command_options(CLI::App& command, screen::RecordOptions& options);
// Those of hesper-view. Set if --record is among the arguments.
void add_record_options(CLI::App& command, std::optional<screen::RecordOptions>& options);

// The arguments of hesper-view that say the same.
[[nodiscard]] std::vector<std::string> arguments_of(const screen::RecordOptions& options);

}  // namespace hesper::cli
