// The child: fork, become who it should be, enter, try, and tell by pipes.
#include "confined_child.h"

#include <grp.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "platform/pipe.h"
#include "platform/privileges.h"
#include "platform/syscall_filter.h"
#include "sandbox/syscall_lists.h"
#include "support/temporary_directory.h"

namespace hesper::sandbox {
namespace {

constexpr unsigned kOrdinary = 12345;

void say(int fd, std::string_view text) {
  if (::write(fd, text.data(), text.size()) < 0) std::_Exit(3);
}

void refuse_calls(const std::vector<const char*>& names) {
  std::vector<platform::SyscallRule> rules;
  const auto known = syscall_names();
  for (const std::string_view name : names)
    for (std::uint32_t number = 0; number < known.size(); ++number)
      if (known[number] != nullptr && known[number] == name)
        rules.push_back({.number = number, .action = platform::SyscallRule::Action::refuse, .error = EPERM});
  if (rules.size() != names.size() || !platform::forbid_new_privileges() ||
      !platform::install_syscall_filter({.lists = {rules}, .unlisted = platform::SyscallFilter::Unlisted::allow}))
    std::_Exit(4);
}

[[noreturn]] void be_child(const Place& place, const Options& options, const std::string& manifest, int result, int log,
                           const std::function<std::string()>& probe) {
  ::dup2(log, STDERR_FILENO);
  ::setenv("VK_DRIVER_FILES", manifest.c_str(), 1);
  if (place.ordinary_user && ::geteuid() == 0 &&
      (::setgroups(0, nullptr) != 0 || ::setresgid(kOrdinary, kOrdinary, kOrdinary) != 0 ||
       ::setresuid(kOrdinary, kOrdinary, kOrdinary) != 0))
    std::_Exit(5);
  ::prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);  // as after an exec
  if (!place.refused.empty()) refuse_calls(place.refused);
  const Report report = enter(options);
  say(result, std::string(name_of(report.reached)) + '\n' + report.means + '\n');
  for (const auto& shortfall : report.shortfalls) say(result, shortfall + ' ');
  say(result, "\n");
  say(result, probe());
  std::_Exit(0);
}

std::string take_line(std::string& text) {
  const auto end = std::min(text.find('\n'), text.size());
  std::string line = text.substr(0, end);
  text.erase(0, end + 1);
  return line;
}

}  // namespace

Outcome run_confined(const Place& place, Options options, const std::string& library,
                     const std::function<std::string()>& probe) {
  const test::TemporaryDirectory directory;
  std::filesystem::permissions(directory.path(), std::filesystem::perms(0755));
  const auto manifest = directory.write("driver.json", R"({"ICD": {"library_path": ")" + library + R"("}})");
  options.log_prefix = "probe";

  auto result = platform::create_pipe();
  auto log = platform::create_pipe();
  if (!result || !log) return {.said = "There are no pipes."};
  const pid_t child = ::fork();
  if (child == 0) be_child(place, options, manifest.native(), result->write_end.get(), log->write_end.get(), probe);
  result->write_end = UniqueFd();
  log->write_end = UniqueFd();

  std::array<std::string, 2> texts;
  std::array<pollfd, 2> polled{pollfd{result->read_end.get(), POLLIN, 0}, pollfd{log->read_end.get(), POLLIN, 0}};
  while (polled[0].fd >= 0 || polled[1].fd >= 0) {
    if (::poll(polled.data(), polled.size(), 30'000) <= 0) break;
    for (std::size_t i = 0; i < polled.size(); ++i) {
      if (polled[i].revents == 0) continue;
      std::array<char, 4096> buffer{};
      const ssize_t got = ::read(polled[i].fd, buffer.data(), buffer.size());
      if (got > 0)
        texts[i].append(buffer.data(), static_cast<std::size_t>(got));
      else
        polled[i].fd = -1;
    }
  }
  ::kill(child, SIGKILL);  // in case it hangs
  int status = 0;
  ::waitpid(child, &status, 0);

  Outcome outcome{.report = {.asked = options.level}, .said = {}, .log = texts[1]};
  if (WIFSIGNALED(status)) outcome.signal = WTERMSIG(status);
  outcome.report.reached = parse_level(take_line(texts[0])).value_or(Level::off);
  outcome.report.means = take_line(texts[0]);
  outcome.report.shortfalls = {take_line(texts[0])};
  outcome.said = texts[0];
  if (outcome.signal == 0 && WEXITSTATUS(status) != 0) outcome.said = "The child could not be prepared.";
  return outcome;
}

}  // namespace hesper::sandbox
