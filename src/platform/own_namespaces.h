// Namespaces of our own: a process leaves the system's mounts, network, IPC objects and names behind.
#pragma once

#include "base/error.h"

namespace hesper::platform {

struct OwnNamespaces {
  bool user = false;  // a user namespace is among them
};

// Enters new mount, network, IPC, UTS and cgroup namespaces; the new network has no interface that is up. Without
// CAP_SYS_ADMIN also a new user namespace, in which the process keeps its own user and group ids and nobody else has
// any. Mounts of the system do not change.
// For the start of main(): no other thread may run. Errors: a sentence with what the user can do about it.
[[nodiscard]] Result<OwnNamespaces> enter_own_namespaces();

}  // namespace hesper::platform
