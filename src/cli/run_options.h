// The command line of hesper run: the settings of a virtual machine, and the options of hesper gpu.
#pragma once

#include "cli/run.h"

namespace CLI {
class App;
}

namespace hesper::cli {

// Adds the command. gpu_command, view_command: `hesper gpu` and `hesper view`, complete; what they can be told about
// the device and its screens can be told to run, too, which passes it on; under its own name, or where a setting has
// that, with "gpu-" or "view-" before it. options: filled when the command line is parsed, and must live as long as
// `app`.
[[nodiscard]] CLI::App* add_run_command(CLI::App& app, const CLI::App& gpu_command, const CLI::App& view_command,
                                        RunOptions& options);

// The same for another command that takes what run takes: IMAGE or FILE.toml, the settings and the passed on options.
void add_machine_description(CLI::App& command, const CLI::App& gpu_command, const CLI::App& view_command,
                             RunOptions& options);

}  // namespace hesper::cli
