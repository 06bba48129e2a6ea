// Starting, reading, and ending in time.
#include "host/command.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <mutex>
#include <thread>
#include <utility>

#include "base/unique_fd.h"
#include "platform/pipe.h"
#include "platform/process.h"
#include "vm/command_lines.h"

namespace hesper::host {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr milliseconds kLook{20};     // how often a process is looked at that has not closed its output
constexpr milliseconds kToDie{1000};  // for one that was killed; the system may hold it longer

std::vector<std::string> environment_for_commands() {
  std::vector<std::string> entries = platform::environment_of_this_process();
  std::erase_if(entries, [](const std::string& entry) {
    return entry.starts_with("LC_") || entry.starts_with("LANG=") || entry.starts_with("LANGUAGE=");
  });
  entries.emplace_back("LC_ALL=C");
  return entries;
}

struct Running {
  pid_t process = -1;
  UniqueFd output;
  UniqueFd errors;
};

Result<Running> start(const std::filesystem::path& program, const std::vector<std::string>& command) {
  // Where pipes become close-on-exec only after they were made, another thread's child would hold ours open.
  static std::mutex one_at_a_time;
  const std::lock_guard lock(one_at_a_time);
  auto output = platform::create_pipe();
  if (!output) return std::unexpected(std::move(output.error()));
  auto errors = platform::create_pipe();
  if (!errors) return std::unexpected(std::move(errors.error()));
  // Programs of others expect what they write to to wait for its reader.
  for (const int end : {output->write_end.get(), errors->write_end.get()})
    ::fcntl(end, F_SETFL, ::fcntl(end, F_GETFL) & ~O_NONBLOCK);
  const UniqueFd nothing(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  if (!nothing) return fail_errno("/dev/null cannot be opened", errno);
  const auto process = platform::spawn({.program = program.native(),
                                        .arguments = command,
                                        .environment = environment_for_commands(),
                                        .fds = {{.fd = nothing.get(), .number = 0},
                                                {.fd = output->write_end.get(), .number = 1},
                                                {.fd = errors->write_end.get(), .number = 2}},
                                        .new_session = true});
  if (!process) return std::unexpected(process.error());
  return Running{.process = *process, .output = std::move(output->read_end), .errors = std::move(errors->read_end)};
}

// Takes what there is; closes the pipe at its end. False: it is more than kMostText.
bool drain(UniqueFd& pipe, std::string& text) {
  std::array<char, 16384> bytes;
  while (pipe) {
    const ssize_t size = ::read(pipe.get(), bytes.data(), bytes.size());
    if (size > 0) {
      if (text.size() + static_cast<std::size_t>(size) > kMostText) return false;
      text.append(bytes.data(), static_cast<std::size_t>(size));
    } else if (size == 0 || (errno != EINTR && errno != EAGAIN)) {
      pipe = UniqueFd();
    } else if (errno == EAGAIN) {
      return true;
    }
  }
  return true;
}

// Without reaping it, so that its id, which is its session's too, stays its own.
bool has_ended(pid_t process) {
  siginfo_t info{};
  return ::waitid(P_PID, static_cast<id_t>(process), &info, WEXITED | WNOHANG | WNOWAIT) != 0 || info.si_pid == process;
}

enum class End : std::uint8_t { ended, too_late, too_much };

End follow(Running& running, CommandOutput& text, Clock::time_point end) {
  for (;;) {
    const bool ended = has_ended(running.process);  // before reading: what it has written is there
    if (!drain(running.output, text.output) || !drain(running.errors, text.errors)) return End::too_much;
    if (ended) return End::ended;
    const auto left = std::chrono::ceil<milliseconds>(end - Clock::now());
    if (left <= milliseconds(0)) return End::too_late;
    std::array<pollfd, 2> pipes{pollfd{.fd = running.output.get(), .events = POLLIN, .revents = 0},
                                pollfd{.fd = running.errors.get(), .events = POLLIN, .revents = 0}};
    // One without pipes, closed by a program that goes on, is looked at often: it is about to end, most likely.
    const auto wait = std::min(left, running.output || running.errors ? kLook : milliseconds(2));
    ::poll(pipes.data(), pipes.size(), static_cast<int>(wait.count()));
  }
}

// Kills all of the session, and reaps the process.
int end_and_reap(pid_t process, bool ended) {
  ::kill(-process, SIGKILL);
  const auto end = Clock::now() + kToDie;
  while (!ended && !has_ended(process)) {
    if (Clock::now() > end) return 128 + SIGKILL;  // the system keeps it for ever, as a broken driver may
    std::this_thread::sleep_for(milliseconds(2));
  }
  const auto state = platform::wait_for_child(process);
  return state.kind == platform::ChildState::Kind::killed ? 128 + state.value : state.value;
}

}  // namespace

Result<CommandOutput> run_command(const std::filesystem::path& program, const std::vector<std::string>& command,
                                  milliseconds patience) {
  const auto deadline = Clock::now() + patience;
  auto running = start(program, command);
  if (!running) return std::unexpected(std::move(running.error()));
  CommandOutput result;
  const End end = follow(*running, result, deadline);
  result.status = end_and_reap(running->process, end == End::ended);
  const std::string line = vm::quoted_for_shell(command);
  switch (end) {
    case End::ended: return result;
    case End::too_late:
      return fail(fmt::format("'{}' has not ended after {} ms, and was killed.", line, patience.count()), ETIMEDOUT);
    case End::too_much:
      return fail(fmt::format("'{}' has written more than {} MiB, and was killed.", line, kMostText >> 20), EFBIG);
  }
  std::unreachable();
}

}  // namespace hesper::host
