// Facts about our own process on Linux: /proc/self/exe and the parent-death signal.
#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <csignal>
#include <string>

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

void nice_process(int nice) noexcept {
  ::setpriority(PRIO_PROCESS, 0, nice);
  if (::getsid(0) != ::getpid()) return;  // others are in it too
  const UniqueFd group(::open("/proc/self/autogroup", O_WRONLY | O_CLOEXEC));
  const std::string text = std::to_string(nice);
  if (group && ::write(group.get(), text.data(), text.size()) < 0) return;  // not built into this kernel
}

}  // namespace hesper::platform
