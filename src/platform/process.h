// Processes: start one, ask how it fares, find what lies beside our own program, and end with our parent.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/unique_fd.h"

namespace hesper::platform {

struct InheritedFd {
  int fd;      // ours, borrowed
  int number;  // what the child finds it as
};

struct SpawnOptions {
  std::string program;                   // looked up in PATH unless it contains '/'
  std::vector<std::string> arguments;    // argv[0] included
  std::vector<std::string> environment;  // "NAME=value"
  std::vector<InheritedFd> fds;          // beside 0, 1 and 2; all other fds of ours are close-on-exec
  bool new_session = false;              // out of reach of the terminal's signals
  bool default_sigpipe = true;           // undoes ignore_broken_pipes() for the child
};

// "NAME=value" each.
[[nodiscard]] std::vector<std::string> environment_of_this_process();

// Errors: errno of the failed exec (ENOENT: not found, EACCES and ENOEXEC: not executable).
[[nodiscard]] Result<pid_t> spawn(const SpawnOptions& options);

struct ChildState {
  // running: nothing has changed. continued: a stop is over.
  enum class Kind : std::uint8_t { running, stopped, continued, exited, killed };
  Kind kind = Kind::running;
  int value = 0;  // exited: the status; stopped and killed: the signal
};

// Reaps the child if it ended: after exited or killed its pid is not ours any more. A stop is reported once,
// and so is its end.
[[nodiscard]] ChildState check_child(pid_t child) noexcept;
// Sends a signal to the process that connected this socket, and to no other that has its id by now. False: it is gone,
// it is this process, or the system cannot tell (Linux before 6.5, macOS).
bool signal_peer(int socket, int signal) noexcept;

// Blocks until it exits or is killed.
[[nodiscard]] ChildState wait_for_child(pid_t child) noexcept;

// The folder of the running program, symbolic links resolved. argv0: as main() got it.
[[nodiscard]] Result<std::filesystem::path> own_directory(const char* argv0);

// The shared libraries that this process has loaded, by their paths. Empty where the system does not tell.
[[nodiscard]] std::vector<std::filesystem::path> loaded_libraries();

// Ends this process at once (SIGKILL or _exit) when its parent dies. lifeline: the read end of a pipe whose only write
// end the parent holds. Call at the start of main(), before any thread.
void die_with_parent(UniqueFd lifeline);

// Becomes this program (looked up in PATH unless it contains '/'), or runs it where the system cannot do without
// (macOS); it dies as in die_with_parent(). Does not inherit the lifeline. Returns an exit status: the program's, or
// that of a shell that cannot start it. Call at the start of main(), before any thread.
[[nodiscard]] int exec_with_parent(UniqueFd lifeline, const std::vector<std::string>& arguments);

// Lowers the share of processor time of this process, where there is not enough for all. nice: 1 to 19. Where the
// system shares time among sessions first (Linux, autogroup), of its session if that is its own. Best effort.
void nice_process(int nice) noexcept;

// Lets this process open as many files as the system's hard limit allows. Not for processes that start programs of
// others: those may still use select().
void raise_fd_limit() noexcept;

}  // namespace hesper::platform
