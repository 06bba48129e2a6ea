// spawn() and the state of children: the same on every POSIX system.
#include "platform/process.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <algorithm>
#include <cerrno>
#include <csignal>

extern "C" char** environ;  // NOLINT: POSIX leaves the declaration to the program

namespace hesper::platform {
namespace {

std::vector<char*> pointers(const std::vector<std::string>& strings) {
  std::vector<char*> result;
  result.reserve(strings.size() + 1);
  // posix_spawn takes char* for historical reasons and changes nothing.
  for (const std::string& text : strings) result.push_back(const_cast<char*>(text.c_str()));
  result.push_back(nullptr);
  return result;
}

// posix_spawn's two option objects, freed together.
class SpawnPlan {
 public:
  SpawnPlan() {
    ::posix_spawn_file_actions_init(&actions_);
    ::posix_spawnattr_init(&attributes_);
  }
  SpawnPlan(const SpawnPlan&) = delete;
  SpawnPlan& operator=(const SpawnPlan&) = delete;
  ~SpawnPlan() {
    ::posix_spawn_file_actions_destroy(&actions_);
    ::posix_spawnattr_destroy(&attributes_);
  }

  // Copies each fd above all target numbers first, so that placing one never overwrites the source of another.
  Result<void> place(const std::vector<InheritedFd>& fds) {
    int above = 3;
    for (const InheritedFd& each : fds) above = std::max(above, each.number + 1);
    for (const InheritedFd& each : fds) {
      UniqueFd copy(::fcntl(each.fd, F_DUPFD_CLOEXEC, above));
      if (!copy) return fail_errno("Copying a file descriptor for a child fails", errno);
      ::posix_spawn_file_actions_adddup2(&actions_, copy.get(), each.number);
      copies_.push_back(std::move(copy));
    }
    return {};
  }

  void set_signals_and_session(bool default_sigpipe, bool new_session) {
    short flags = 0;
    if (default_sigpipe) {
      sigset_t defaults;
      ::sigemptyset(&defaults);
      ::sigaddset(&defaults, SIGPIPE);
      ::sigaddset(&defaults, SIGXFSZ);
      ::posix_spawnattr_setsigdefault(&attributes_, &defaults);
      flags |= POSIX_SPAWN_SETSIGDEF;
    }
    if (new_session) flags |= POSIX_SPAWN_SETSID;
    ::posix_spawnattr_setflags(&attributes_, flags);
  }

  [[nodiscard]] const posix_spawn_file_actions_t* actions() const { return &actions_; }
  [[nodiscard]] const posix_spawnattr_t* attributes() const { return &attributes_; }

 private:
  posix_spawn_file_actions_t actions_;
  posix_spawnattr_t attributes_;
  std::vector<UniqueFd> copies_;
};

ChildState state_of(int status) noexcept {
  if (WIFEXITED(status)) return {.kind = ChildState::Kind::exited, .value = WEXITSTATUS(status)};
  if (WIFSIGNALED(status)) return {.kind = ChildState::Kind::killed, .value = WTERMSIG(status)};
  if (WIFSTOPPED(status)) return {.kind = ChildState::Kind::stopped, .value = WSTOPSIG(status)};
  if (WIFCONTINUED(status)) return {.kind = ChildState::Kind::continued, .value = 0};
  return {};
}

}  // namespace

std::vector<std::string> environment_of_this_process() {
  std::vector<std::string> entries;
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) entries.emplace_back(*entry);
  return entries;
}

Result<pid_t> spawn(const SpawnOptions& options) {
  SpawnPlan plan;
  if (auto placed = plan.place(options.fds); !placed) return std::unexpected(std::move(placed.error()));
  plan.set_signals_and_session(options.default_sigpipe, options.new_session);
  const std::vector<char*> arguments = pointers(options.arguments);
  const std::vector<char*> environment = pointers(options.environment);
  pid_t child = -1;
  const int error = ::posix_spawnp(&child, options.program.c_str(), plan.actions(), plan.attributes(), arguments.data(),
                                   environment.data());
  if (error != 0) return fail_errno(fmt::format("Starting '{}' fails", options.program), error);
  return child;
}

ChildState check_child(pid_t child) noexcept {
  int status = 0;
  const pid_t changed = ::waitpid(child, &status, WNOHANG | WUNTRACED | WCONTINUED);
  return changed == child ? state_of(status) : ChildState{};
}

ChildState wait_for_child(pid_t child) noexcept {
  int status = 0;
  while (::waitpid(child, &status, 0) < 0) {
    if (errno != EINTR) return {.kind = ChildState::Kind::exited, .value = 127};
  }
  return state_of(status);
}

void raise_fd_limit() noexcept {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);  // macOS refuses "infinity" and keeps the old limit, which does no harm
}

}  // namespace hesper::platform
