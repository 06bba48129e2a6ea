// run_command: a command to its end, what it has written, and its time limit. Finds no program; that is System's.
#pragma once

#include <chrono>
#include <filesystem>
#include <string>
#include <vector>

#include "base/error.h"
#include "host/system.h"

namespace hesper::host {

// Without standard input, in the C locale, in a session of its own: when its time is over, or it has written more than
// kMostText, it is killed with all that it has started and that stayed in its session. What it leaves behind when it
// ends by itself is killed, too. program: its file. command: begins with the name that it is started by. Any thread.
// Errors: errno of its start; ETIMEDOUT; EFBIG.
[[nodiscard]] Result<CommandOutput> run_command(const std::filesystem::path& program,
                                                const std::vector<std::string>& command,
                                                std::chrono::milliseconds patience);

}  // namespace hesper::host
