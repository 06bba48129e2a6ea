// Privileges: giving up what a process could do beyond opening files, for good.
#pragma once

#include "base/error.h"

namespace hesper::platform {

// From here on, executing a set-uid program gives no privileges. What seccomp and Landlock demand of ordinary users.
[[nodiscard]] Result<void> forbid_new_privileges();

// Drops all capabilities, also from the sets that a later exec could take them from, and keeps other processes of the
// same user from tracing this one or reading its memory (unless they have CAP_SYS_PTRACE). Writes no core files then.
[[nodiscard]] Result<void> drop_privileges();

}  // namespace hesper::platform
