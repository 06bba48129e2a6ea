// Processes as only Linux has them: /proc/self/exe, libraries, the parent-death signal, process fds, and who shares the
// processor.
#include <fcntl.h>
#include <link.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <string>
#include <utility>
#include <vector>

#include "base/unique_fd.h"
#include "platform/process.h"
#include "platform/socket.h"

#ifndef SO_PEERPIDFD
#define SO_PEERPIDFD 77  // Linux 6.5; C libraries learnt it later
#endif

namespace hesper::platform {

Result<std::filesystem::path> own_directory(const char* /*argv0*/) {
  std::error_code error;
  const std::filesystem::path self = std::filesystem::read_symlink("/proc/self/exe", error);
  if (error) return fail_errno("Reading /proc/self/exe fails", error.value());
  return self.parent_path();
}

bool signal_peer(int socket, int signal) noexcept {
  int raw = -1;
  socklen_t size = sizeof(raw);
  if (peer_process(socket) == ::getpid()) return false;  // nobody means that
  if (::getsockopt(socket, SOL_SOCKET, SO_PEERPIDFD, &raw, &size) != 0) return false;
  const UniqueFd process(raw);
  return ::syscall(SYS_pidfd_send_signal, process.get(), signal, nullptr, 0) == 0;
}

std::vector<std::filesystem::path> loaded_libraries() {
  std::vector<std::filesystem::path> paths;
  ::dl_iterate_phdr(
      [](dl_phdr_info* library, std::size_t, void* found) {
        // The program itself has no name, the kernel's no folder.
        const std::filesystem::path path = library->dlpi_name != nullptr ? library->dlpi_name : "";
        if (path.is_absolute()) static_cast<std::vector<std::filesystem::path>*>(found)->push_back(path);
        return 0;
      },
      &paths);
  return paths;
}

void die_with_parent(UniqueFd lifeline) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  // A parent that died before that line sends no signal any more, but its end of the lifeline is closed.
  pollfd state{.fd = lifeline.get(), .events = POLLIN, .revents = 0};
  if (::poll(&state, 1, 0) > 0) ::_exit(1);
}

int exec_with_parent(UniqueFd lifeline, const std::vector<std::string>& arguments) {
  die_with_parent(std::move(lifeline));  // the signal stays set
  std::vector<char*> words;
  for (const std::string& argument : arguments)
    words.push_back(const_cast<char*>(argument.c_str()));  // as execvp has it
  words.push_back(nullptr);
  ::execvp(words.front(), words.data());
  return errno == ENOENT ? 127 : 126;
}

void nice_process(int nice) noexcept {
  ::setpriority(PRIO_PROCESS, 0, nice);
  if (::getsid(0) != ::getpid()) return;  // others are in it too
  const UniqueFd group(::open("/proc/self/autogroup", O_WRONLY | O_CLOEXEC));
  const std::string text = std::to_string(nice);
  if (group && ::write(group.get(), text.data(), text.size()) < 0) return;  // not built into this kernel
}

}  // namespace hesper::platform
