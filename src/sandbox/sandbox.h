// The sandbox of a worker, of hesper-gpu, or of hesper-view: entered once, at the start of main(), for good. How
// workers differ is policy.h's; how the system does it, src/platform's.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "sandbox/level.h"
#include "sandbox/policy.h"

namespace hesper::sandbox {

// Who is confined.
enum class Process : std::uint8_t {
  worker,  // loads the host's Vulkan drivers, which decide what else it needs
  device,  // hesper-gpu: opens nothing
  view,    // hesper-view: opens nothing; takes viewers' connections from sockets that listen already, and encodes
  view_with_gpu,  // likewise, with drivers of GPUs that encode
};

struct Options {
  Level level = Level::strict;
  Process process = Process::worker;
  Choices choices;
  std::string log_prefix;  // begins lines about refused system calls
};

// What became of it.
struct Report {
  Level asked = Level::off;
  Level reached = Level::off;
  std::string means;                    // "own mount, ... namespaces; ..."; empty with Level::off
  std::vector<std::string> shortfalls;  // sentences: what the system refuses, and what the user may do
  std::vector<std::string> remarks;     // sentences worth a line with --verbose
};

// Confines this process. Open before it what the worker needs beside the driver's files; fds stay as they are. No other
// thread may run. Never fails: what could not be had is in the report, and all the rest is in force.
//
// strict is reached if files are restricted (by a root of its own or by Landlock) and system calls are by a list of
// those allowed, which leaves no way to a network or to other processes; basic, if dangerous calls are forbidden.
[[nodiscard]] Report enter(const Options& options);

// One line: "strict (own ... namespaces; ...)", or "basic instead of strict (...)".
[[nodiscard]] std::string describe(const Report& report);

}  // namespace hesper::sandbox
