// What linux/process.cpp has, where there is neither /proc nor a parent-death signal (macOS).
#include <poll.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "platform/process.h"

namespace hesper::platform {
namespace {

void wait_for_end(int lifeline) {
  pollfd state{.fd = lifeline, .events = POLLIN, .revents = 0};
  while (::poll(&state, 1, -1) < 0 && errno == EINTR) {
  }
}

}  // namespace

Result<std::filesystem::path> own_directory(const char* argv0) {
  const std::string_view name(argv0);
  std::error_code error;
  if (name.contains('/')) {
    const auto self = std::filesystem::canonical(name, error);
    if (error) return fail_errno("Finding the folder of this program fails", error.value());
    return self.parent_path();
  }
  // Started by name alone: the shell took the first match in PATH.
  const char* search = std::getenv("PATH");
  std::string_view rest(search != nullptr ? search : "");
  while (!rest.empty()) {
    const std::size_t colon = rest.find(':');
    const auto candidate = std::filesystem::path(rest.substr(0, colon)) / name;
    if (::access(candidate.c_str(), X_OK) == 0) {
      const auto self = std::filesystem::canonical(candidate, error);
      if (!error) return self.parent_path();
    }
    rest = colon == std::string_view::npos ? std::string_view() : rest.substr(colon + 1);
  }
  return fail("Finding the folder of this program fails: it is not in PATH.", ENOENT);
}

bool signal_peer(int /*socket*/, int /*signal*/) noexcept { return false; }

std::vector<std::filesystem::path> loaded_libraries() { return {}; }

void die_with_parent(UniqueFd lifeline) {
  std::thread([held = std::move(lifeline)] {
    wait_for_end(held.get());
    ::_exit(1);
  }).detach();
}

int exec_with_parent(UniqueFd lifeline, const std::vector<std::string>& arguments) {
  const auto child = spawn(
      {.program = arguments.front(), .arguments = arguments, .environment = environment_of_this_process(), .fds = {}});
  if (!child) return child.error().code == ENOENT ? 127 : 126;
  std::thread([held = std::move(lifeline), program = *child] {
    wait_for_end(held.get());
    ::kill(program, SIGKILL);
    ::_exit(1);
  }).detach();
  const ChildState end = wait_for_child(*child);
  return end.kind == ChildState::Kind::killed ? 128 + end.value : end.value;
}

void nice_process(int nice) noexcept { ::setpriority(PRIO_PROCESS, 0, nice); }

}  // namespace hesper::platform
