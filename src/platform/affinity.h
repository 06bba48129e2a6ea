// Affinity: which of the host's processors a thread may run on, also one of another process; and which threads a
// process has. Only Linux tells and changes it: elsewhere all of it fails with ENOTSUP, or finds nothing.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/error.h"

namespace hesper::platform {

// A thread for as long as it lives: its number is given to others later, the moment of its start is not.
struct Thread {
  pid_t process = 0;
  pid_t thread = 0;
  std::uint64_t started = 0;  // in the kernel's ticks since the host booted
  std::string name;
  friend bool operator==(const Thread&, const Thread&) = default;
};

// The threads of a process, its first one first; none if it is gone.
[[nodiscard]] std::vector<Thread> threads_of(pid_t process);
// The processes that it has started and that live, and those that these have started, in no particular order.
[[nodiscard]] std::vector<pid_t> descendants_of(pid_t process);

// The processors that a thread may run on, rising; 0: the calling thread. Errors: ESRCH, if it is gone.
[[nodiscard]] Result<std::vector<unsigned>> processors_of(pid_t thread);
// processors: at least one that is online, each below 8192. Errors: ESRCH; EPERM, if it is another user's; EINVAL.
[[nodiscard]] Result<void> set_processors(pid_t thread, std::span<const unsigned> processors);

}  // namespace hesper::platform
