// Processes: how children start, what they inherit, and how they end.
#include "platform/process.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <string>

#include "platform/pipe.h"

namespace hesper::platform {
namespace {

std::string read_all(int fd) {
  std::string result;
  for (;;) {
    pollfd state{.fd = fd, .events = POLLIN, .revents = 0};
    ::poll(&state, 1, 10'000);
    char buffer[256];
    const ssize_t got = ::read(fd, buffer, sizeof(buffer));
    if (got <= 0) return result;
    result.append(buffer, static_cast<std::size_t>(got));
  }
}

// Runs a shell script and returns what it wrote to fd 1.
std::string output_of(SpawnOptions options, const std::string& script) {
  auto pipe = create_pipe();
  if (!pipe) return "no pipe";
  options.program = "/bin/sh";
  options.arguments = {"sh", "-c", script};
  options.fds.push_back({.fd = pipe->write_end.get(), .number = STDOUT_FILENO});
  const auto child = spawn(options);
  if (!child) return child.error().message;
  pipe->write_end = UniqueFd();
  std::string output = read_all(pipe->read_end.get());
  (void)wait_for_child(*child);
  return output;
}

TEST(Process, ReportsTheExitStatus) {
  const auto child = spawn({.program = "sh", .arguments = {"sh", "-c", "exit 7"}, .environment = {}, .fds = {}});
  ASSERT_TRUE(child) << child.error().message;
  const auto end = wait_for_child(*child);
  EXPECT_EQ(end.kind, ChildState::Kind::exited);
  EXPECT_EQ(end.value, 7);
}

TEST(Process, ReportsTheSignalThatEndedIt) {
  const auto child = spawn({.program = "sh", .arguments = {"sh", "-c", "kill -9 $$"}, .environment = {}, .fds = {}});
  ASSERT_TRUE(child);
  const auto end = wait_for_child(*child);
  EXPECT_EQ(end.kind, ChildState::Kind::killed);
  EXPECT_EQ(end.value, SIGKILL);
}

TEST(Process, NotFoundAndNotExecutableDiffer) {
  const auto nothing = spawn({.program = "no-such-program", .arguments = {"x"}, .environment = {}, .fds = {}});
  ASSERT_FALSE(nothing);
  EXPECT_EQ(nothing.error().code, ENOENT);
  const auto file = spawn({.program = "/etc/passwd", .arguments = {"x"}, .environment = {}, .fds = {}});
  ASSERT_FALSE(file);
  EXPECT_EQ(file.error().code, EACCES);
}

TEST(Process, GivesTheChildItsEnvironmentAndNoOther) {
  ::setenv("HESPER_TEST_OURS", "1", 1);
  EXPECT_EQ(output_of({.program = {}, .arguments = {}, .environment = {"THEIRS=2"}, .fds = {}},
                      "echo $THEIRS-$HESPER_TEST_OURS"),
            "2-\n");
}

TEST(Process, PlacesFdsEvenWhenNumbersCollide) {
  auto first = create_pipe();
  auto second = create_pipe();
  ASSERT_TRUE(first && second);
  // Each source has the number at which the other one is wanted.
  const int one = first->write_end.get();
  const int other = second->write_end.get();
  const std::string script = "echo one >&" + std::to_string(other) + "; echo other >&" + std::to_string(one);
  EXPECT_EQ(output_of({.program = {},
                       .arguments = {},
                       .environment = {},
                       .fds = {{.fd = one, .number = other}, {.fd = other, .number = one}}},
                      script),
            "");
  first->write_end = UniqueFd();
  second->write_end = UniqueFd();
  EXPECT_EQ(read_all(first->read_end.get()), "one\n");
  EXPECT_EQ(read_all(second->read_end.get()), "other\n");
}

TEST(Process, ANewSessionLeavesOurGroup) {
  const std::string ours = std::to_string(::getsid(0)) + "\n";
  const std::string script = "ps -o sid= -p $$ 2>/dev/null || cut -d' ' -f6 /proc/$$/stat";
  const std::vector<std::string> environment{"PATH=/usr/bin:/bin"};
  SpawnOptions same{.program = {}, .arguments = {}, .environment = environment, .fds = {}};
  SpawnOptions separate = same;
  separate.new_session = true;
  const auto trimmed = [](std::string text) {
    std::erase(text, ' ');
    return text;
  };
  EXPECT_EQ(trimmed(output_of(same, script)), ours);
  EXPECT_NE(trimmed(output_of(separate, script)), ours);
}

TEST(Process, AStopIsReportedAndNotReaped) {
  const auto child =
      spawn({.program = "sh", .arguments = {"sh", "-c", "kill -STOP $$; exit 3"}, .environment = {}, .fds = {}});
  ASSERT_TRUE(child);
  ChildState state;
  for (int i = 0; i < 1000 && state.kind == ChildState::Kind::running; ++i) {
    ::usleep(10'000);
    state = check_child(*child);
  }
  EXPECT_EQ(state.kind, ChildState::Kind::stopped);
  EXPECT_EQ(check_child(*child).kind, ChildState::Kind::running) << "It is reported once.";
  ::kill(*child, SIGCONT);
  EXPECT_EQ(wait_for_child(*child).value, 3);
}

TEST(Process, FindsItsOwnDirectory) {
  const auto directory = own_directory("/proc/self/exe");
  ASSERT_TRUE(directory) << directory.error().message;
  EXPECT_TRUE(std::filesystem::is_directory(*directory));
}

TEST(Process, DiesWithItsParent) {
  auto lifeline = create_pipe();
  auto witness = create_pipe();  // its write end stays open as long as the grandchild lives
  ASSERT_TRUE(lifeline && witness);
  const pid_t parent = ::fork();
  if (parent == 0) {
    if (::fork() == 0) {
      lifeline->write_end = UniqueFd();
      witness->read_end = UniqueFd();
      die_with_parent(std::move(lifeline->read_end));
      [[maybe_unused]] const ssize_t written = ::write(witness->write_end.get(), "!", 1);
      for (;;) ::pause();
    }
    // Waits until the grandchild is ready, so that the death below is seen by what it set up.
    pollfd ready{.fd = witness->read_end.get(), .events = POLLIN, .revents = 0};
    ::poll(&ready, 1, 10'000);
    ::_exit(0);
  }
  lifeline->read_end = UniqueFd();
  lifeline->write_end = UniqueFd();
  witness->write_end = UniqueFd();
  ASSERT_EQ(::waitpid(parent, nullptr, 0), parent);
  EXPECT_EQ(read_all(witness->read_end.get()), "!");  // returns at the end of file
}

TEST(Process, AProgramDiesWithItsParent) {
  auto lifeline = create_pipe();
  auto witness = create_pipe();
  ASSERT_TRUE(lifeline && witness);
  const pid_t parent = ::fork();
  if (parent == 0) {
    if (::fork() == 0) {
      lifeline->write_end = UniqueFd();
      ::dup2(witness->write_end.get(), STDOUT_FILENO);  // the program's
      witness->read_end = UniqueFd();
      ::_exit(exec_with_parent(std::move(lifeline->read_end), {"sh", "-c", "echo !; while :; do sleep 1; done"}));
    }
    pollfd ready{.fd = witness->read_end.get(), .events = POLLIN, .revents = 0};
    ::poll(&ready, 1, 10'000);
    ::_exit(0);
  }
  lifeline->read_end = UniqueFd();
  lifeline->write_end = UniqueFd();
  witness->write_end = UniqueFd();
  ASSERT_EQ(::waitpid(parent, nullptr, 0), parent);
  EXPECT_EQ(read_all(witness->read_end.get()), "!\n");  // the last sleep ends by itself
}

TEST(Process, AProgramThatIsMissingHasTheStatusOfAShell) {
  const pid_t child = ::fork();
  if (child == 0) {
    auto lifeline = create_pipe();
    ::_exit(exec_with_parent(std::move(lifeline->read_end), {"/nowhere/program"}));
  }
  EXPECT_EQ(wait_for_child(child).value, 127);
}

}  // namespace
}  // namespace hesper::platform
