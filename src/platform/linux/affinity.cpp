// Affinity by sched_setaffinity(2), threads by /proc.
#include "platform/affinity.h"

#include <fmt/format.h>
#include <sched.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>

namespace hesper::platform {
namespace {

constexpr unsigned kMostProcessors = 8192;  // Linux's own limit on x86_64

using Mask = std::array<unsigned long, kMostProcessors / (8 * sizeof(unsigned long))>;
constexpr unsigned kBits = 8 * sizeof(unsigned long);

std::optional<pid_t> number_of(const std::filesystem::path& path) {
  const std::string name = path.filename().native();
  pid_t number = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), number);
  return error == std::errc() && end == name.data() + name.size() ? std::optional(number) : std::nullopt;
}

// The fields of a thread's stat that follow its name: state first. Spec: proc_pid_stat(5).
std::optional<Thread> read_thread(pid_t process, pid_t thread) {
  std::ifstream file(fmt::format("/proc/{}/task/{}/stat", process, thread));
  std::stringstream text;
  text << file.rdbuf();
  const std::string stat = text.str();
  const std::size_t open = stat.find('(');
  const std::size_t close = stat.rfind(')');
  if (open == std::string::npos || close == std::string::npos || close < open) return std::nullopt;
  Thread result{.process = process, .thread = thread, .name = stat.substr(open + 1, close - open - 1)};
  std::istringstream fields(stat.substr(close + 1));
  std::string skipped;
  constexpr int kBeforeStart = 19;  // it is the 22nd of all, and the first two are gone
  for (int i = 0; i < kBeforeStart; ++i) fields >> skipped;
  if (!(fields >> result.started)) return std::nullopt;
  return result;
}

template <class Function>
void for_each_thread(pid_t process, Function function) {
  std::error_code error;
  for (std::filesystem::directory_iterator entry(fmt::format("/proc/{}/task", process), error), end;
       !error && entry != end; entry.increment(error))
    if (const auto thread = number_of(entry->path())) function(*thread);
}

}  // namespace

std::vector<Thread> threads_of(pid_t process) {
  std::vector<Thread> threads;
  for_each_thread(process, [&](pid_t number) {
    if (auto thread = read_thread(process, number)) threads.push_back(*std::move(thread));
  });
  std::ranges::sort(threads, {},
                    [process](const Thread& each) { return std::pair(each.thread != process, each.thread); });
  return threads;
}

std::vector<pid_t> descendants_of(pid_t process) {
  std::vector<pid_t> found = {process};
  for (std::size_t i = 0; i < found.size(); ++i) {
    const pid_t parent = found[i];
    for_each_thread(parent, [&](pid_t thread) {
      std::ifstream file(fmt::format("/proc/{}/task/{}/children", parent, thread));
      for (pid_t child = 0; file >> child;)
        if (!std::ranges::contains(found, child)) found.push_back(child);
    });
  }
  found.erase(found.begin());
  return found;
}

Result<std::vector<unsigned>> processors_of(pid_t thread) {
  Mask mask{};
  if (::sched_getaffinity(thread, sizeof(mask), reinterpret_cast<cpu_set_t*>(mask.data())) != 0)
    return fail_errno(fmt::format("The processors of the thread {} cannot be found out", thread), errno);
  std::vector<unsigned> processors;
  for (unsigned i = 0; i < kMostProcessors; ++i)
    if ((mask[i / kBits] >> (i % kBits) & 1) != 0) processors.push_back(i);
  return processors;
}

Result<void> set_processors(pid_t thread, std::span<const unsigned> processors) {
  Mask mask{};
  for (const unsigned processor : processors) {
    if (processor >= kMostProcessors) return fail(fmt::format("There is no processor {}.", processor), EINVAL);
    mask[processor / kBits] |= 1ul << (processor % kBits);
  }
  if (::sched_setaffinity(thread, sizeof(mask), reinterpret_cast<const cpu_set_t*>(mask.data())) != 0)
    return fail_errno(fmt::format("The processors of the thread {} cannot be set", thread), errno);
  return {};
}

}  // namespace hesper::platform
