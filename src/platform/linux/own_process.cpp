// Facts about our own process on Linux: /proc/self/exe and the parent-death signal.
#include <poll.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <csignal>

#include "platform/process.h"

namespace hesper::platform {

Result<std::filesystem::path> own_directory(const char* /*argv0*/) {
  std::error_code error;
  const std::filesystem::path self = std::filesystem::read_symlink("/proc/self/exe", error);
  if (error) return fail_errno("Reading /proc/self/exe fails", error.value());
  return self.parent_path();
}

void die_with_parent(UniqueFd lifeline) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  // A parent that died before that line sends no signal any more, but its end of the lifeline is closed.
  pollfd state{.fd = lifeline.get(), .events = POLLIN, .revents = 0};
  if (::poll(&state, 1, 0) > 0) ::_exit(1);
}

}  // namespace hesper::platform
