// `hesper attend` and `hesper keep`, from both sides.
#include "vm/attendance.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstddef>
#include <optional>
#include <span>
#include <utility>

#include "base/log.h"
#include "vm/runtime_folder.h"

namespace hesper::vm {
namespace {

constexpr int kLifeline = 3;

}  // namespace

Result<Attendants> Attendants::create(std::filesystem::path hesper) {
  auto lifeline = platform::create_pipe();
  if (!lifeline) return std::unexpected(std::move(lifeline.error()));
  UniqueFd nothing(::open("/dev/null", O_RDWR | O_CLOEXEC));
  if (!nothing) return fail_errno("/dev/null cannot be opened", errno);
  return Attendants(std::move(hesper), std::move(*lifeline), std::move(nothing));
}

Result<pid_t> Attendants::start(const std::vector<std::string>& command, std::vector<platform::InheritedFd> fds) const {
  std::vector<std::string> arguments = {hesper_.native(), "attend", "--"};
  arguments.insert(arguments.end(), command.begin(), command.end());
  fds.insert(fds.begin(),
             {{.fd = nothing_.get(), .number = STDIN_FILENO}, {.fd = lifeline_.read_end.get(), .number = kLifeline}});
  return platform::spawn({.program = hesper_.native(),
                          .arguments = std::move(arguments),
                          .environment = platform::environment_of_this_process(),
                          .fds = std::move(fds),
                          .new_session = true});
}

int attend(const std::vector<std::string>& command) {
  if (command.empty()) return 2;
  const int status = platform::exec_with_parent(UniqueFd(kLifeline), command);
  if (status == 126 || status == 127)
    log::error("The program '{}' {}.", command.front(), status == 127 ? "is not found" : "cannot be executed");
  return status;
}

Result<Keeper> Keeper::start(const std::filesystem::path& hesper, const std::filesystem::path& folder) {
  auto lifeline = platform::create_pipe();
  if (!lifeline) return std::unexpected(std::move(lifeline.error()));
  const auto process = platform::spawn({.program = hesper.native(),
                                        .arguments = {hesper.native(), "keep", folder.native()},
                                        .environment = platform::environment_of_this_process(),
                                        .fds = {{.fd = lifeline->read_end.get(), .number = kLifeline}},
                                        .new_session = true});
  if (!process) return std::unexpected(process.error());
  return Keeper(*process, std::move(lifeline->write_end));
}

Keeper::Keeper(Keeper&& from) noexcept
    : process_(std::exchange(from.process_, -1)), lifeline_(std::move(from.lifeline_)) {}

Keeper::~Keeper() {
  if (process_ < 0) return;
  ::kill(process_, SIGKILL);  // it has no other child to be mistaken for: it is reaped here only
  static_cast<void>(platform::wait_for_child(process_));
}

void Keeper::remember(const termios& mode) noexcept {
  // Less than PIPE_BUF, so never by halves.
  if (::write(lifeline_.get(), &mode, sizeof(mode)) < 0) return;  // no keeper, no help
}

int keep(const std::filesystem::path& folder) {
  for (const int signal : {SIGHUP, SIGINT, SIGQUIT, SIGTERM}) ::signal(signal, SIG_IGN);
  const UniqueFd lifeline(kLifeline);
  ::fcntl(lifeline.get(), F_SETFL, 0);  // reads shall block
  auto kept = RuntimeFolder::open(folder);
  if (!kept) return 1;
  std::optional<termios> mode;
  termios next{};
  for (;;) {
    const ssize_t size = ::read(lifeline.get(), &next, sizeof(next));
    if (size == sizeof(next)) {
      mode = next;
    } else if (size == 0 || errno != EINTR) {
      break;
    }
  }
  if (mode) ::tcsetattr(STDIN_FILENO, TCSANOW, &*mode);
  return 0;  // and the folder goes
}

}  // namespace hesper::vm
