// A virtual machine as lines and as a script for a POSIX shell.
#pragma once

#include <string>

#include "vm/plan.h"

namespace hesper::vm {

// The lines that start its processes, one each, in their order, for people who read and change them: nothing waits for
// anything, nothing ends anything. plan: its connections are taken as by_hand.
[[nodiscard]] std::string shell_lines(Plan plan);

// A script that starts all of it, waits until each listens, has the guest's console on its terminal, and ends what it
// has started when QEMU ends. SIGINT, SIGTERM and SIGHUP shut the guest down, the second one ends QEMU. Its exit status
// is QEMU's; 1 if something could not be started. plan: its folder is made and removed by the script.
// Errors: a vsock number is still to be chosen.
[[nodiscard]] Result<std::string> shell_script(Plan plan);

}  // namespace hesper::vm
