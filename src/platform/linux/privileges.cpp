// Privileges on Linux: no_new_privs, capabilities, dumpability.
#include "platform/privileges.h"

#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

namespace hesper::platform {

Result<void> forbid_new_privileges() {
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1UL, 0UL, 0UL, 0UL) != 0)
    return fail_errno("Forbidding new privileges fails", errno);
  return {};
}

Result<void> drop_privileges() {
  ::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0UL, 0UL, 0UL);
  // The bounding set is what root would regain by exec; only root can and need empty it. EINVAL: past the last one.
  for (unsigned long capability = 0; ::prctl(PR_CAPBSET_DROP, capability, 0UL, 0UL, 0UL) == 0; ++capability) {
  }
  __user_cap_header_struct header{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
  const __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {};
  if (::syscall(SYS_capset, &header, &none) != 0) return fail_errno("Dropping capabilities fails", errno);
  if (::prctl(PR_SET_DUMPABLE, 0UL, 0UL, 0UL, 0UL) != 0)
    return fail_errno("Hiding this process from its neighbours fails", errno);
  return {};
}

}  // namespace hesper::platform
