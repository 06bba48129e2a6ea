// run_machine: a virtual machine from its first process to its last.
#pragma once

#include <functional>

#include "base/error.h"
#include "base/unique_fd.h"
#include "vm/attendance.h"
#include "vm/plan.h"
#include "vm/runtime_folder.h"

namespace hesper::vm {

struct GpuQuestions {
  // Whether a driver of the guest has taken the GPU; asked now and then, to tell the user when none does.
  std::function<bool()> driver_runs;
  // A connection that has become an input tap (input/tap.h).
  std::function<Result<UniqueFd>()> open_input_tap;
};

// Starts hesper gpu, what shares folders, and QEMU; connects the guest's serial line with the terminal; and stays until
// all of them have ended. When one of them dies that the guest cannot do without, says what is lost and shuts the guest
// down. SIGINT, SIGTERM, SIGHUP and SIGQUIT shut it down, the second of them ends it.
// plan: with its folder, which is removed at the end. Uses this process's signals and terminal. Must ignore SIGPIPE.
// gpu: what is asked of hesper gpu, whose protocol is none of this folder's business.
// Returns 0 if the guest has shut down or was told to end; errors: why it could not start, or has ended otherwise.
[[nodiscard]] Result<void> run_machine(const Plan& plan, RuntimeFolder folder, const Attendants& attendants,
                                       GpuQuestions gpu);

}  // namespace hesper::vm
