// Standard output's end: what becomes of a command whose output nobody reads any more, or that a disk has no room for.
// In one place, so that commands print and need not think of it.
#pragma once

#include <functional>

namespace hesper::cli {

// Runs a command that prints to stdout, also by fmt::print, which throws. Returns its status. Where what it prints goes
// nowhere: 128 + SIGPIPE if the reader has gone, quietly, as shells show it for cat and grep; otherwise 1, with a line
// in the log.
[[nodiscard]] int with_standard_output(const std::function<int()>& command);

// Within such a command: all that was printed so far is out. Throws as fmt::print does.
void flush_standard_output();

}  // namespace hesper::cli
