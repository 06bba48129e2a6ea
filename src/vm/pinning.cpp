// Masks before and after, and the file that remembers them: {"version": 1, "threads": [{"thread", "started",
// "processors"}]}.
#include "vm/pinning.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>

#include "base/unique_fd.h"

namespace hesper::vm {
namespace {

using nlohmann::json;
using Path = std::filesystem::path;

// What is remembered, by number and start of a thread.
using Memory = std::map<std::pair<pid_t, std::uint64_t>, std::vector<unsigned>>;

std::pair<pid_t, std::uint64_t> key_of(const platform::Thread& thread) { return {thread.thread, thread.started}; }

Path file_in(const Path& folder) { return folder / "pinning.json"; }

std::optional<std::uint64_t> number(const json& object, const char* name, std::uint64_t most) {
  const auto found = object.is_object() ? object.find(name) : object.end();
  if (found == object.end() || !found->is_number_unsigned() || found->get<std::uint64_t>() > most) return std::nullopt;
  return found->get<std::uint64_t>();
}

std::vector<unsigned> numbers(const json& object, const char* name) {
  constexpr std::uint64_t kMost = 0x7fff'ffff;
  std::vector<unsigned> result;
  const auto found = object.is_object() ? object.find(name) : object.end();
  if (found == object.end() || !found->is_array()) return result;
  for (const json& each : *found)
    if (each.is_number_unsigned() && each.get<std::uint64_t>() <= kMost) result.push_back(each.get<unsigned>());
  return result;
}

// Nothing: nothing is remembered.
std::optional<Memory> recall(const Path& folder) {
  std::ifstream file(file_in(folder), std::ios::binary);
  if (!file) return std::nullopt;
  const json text = json::parse(file, nullptr, false);
  Memory memory;
  const auto threads = text.is_object() ? text.find("threads") : text.end();
  if (threads == text.end() || !threads->is_array()) return memory;
  for (const json& each : *threads) {
    const auto thread = number(each, "thread", 0x7fff'ffff);
    const auto started = number(each, "started", ~std::uint64_t{0});
    auto processors = numbers(each, "processors");
    if (thread && started && !processors.empty())
      memory[{static_cast<pid_t>(*thread), *started}] = std::move(processors);
  }
  return memory;
}

// Whole or not at all, as what was there is all that leads back.
Result<void> remember(const Path& folder, const std::vector<MachineThread>& threads) {
  json list = json::array();
  for (const MachineThread& each : threads)
    list.push_back({{"thread", each.thread.thread}, {"started", each.thread.started}, {"processors", each.processors}});
  const std::string text = json{{"version", 1}, {"threads", std::move(list)}}.dump() + '\n';
  const Path beside = folder / "pinning.new";
  const UniqueFd file(::open(beside.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!file) return fail_errno(fmt::format("'{}' cannot be written", beside.native()), errno);
  if (::write(file.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size()))
    return fail_errno(fmt::format("'{}' cannot be written", beside.native()), errno);
  if (::rename(beside.c_str(), file_in(folder).c_str()) != 0)
    return fail_errno(fmt::format("'{}' cannot be written", file_in(folder).native()), errno);
  return {};
}

std::vector<pid_t> processes_of(const json& description) {
  std::vector<pid_t> processes;
  const auto add = [&](pid_t process) {
    if (!std::ranges::contains(processes, process)) processes.push_back(process);
  };
  std::vector<unsigned> roots = numbers(description, "helper_processes");
  if (const auto qemu = number(description, "qemu_process", 0x7fff'ffff))
    roots.insert(roots.begin(), static_cast<unsigned>(*qemu));
  for (const unsigned root : roots) {
    add(static_cast<pid_t>(root));
    for (const pid_t child : platform::descendants_of(static_cast<pid_t>(root))) add(child);
  }
  return processes;
}

bool is_gone(const Error& error) { return error.code == ESRCH; }

// Sets it, and says so in `each`. A thread that is gone is left alone.
Result<void> set(MachineThread& each, const std::vector<unsigned>& processors) {
  auto done = platform::set_processors(each.thread.thread, processors);
  if (!done) return is_gone(done.error()) ? Result<void>() : done;
  each.processors = processors;
  return {};
}

// What is to be restored. A thread that was started since has what the first one of its process had; a process that was
// started since, what its parent had, or QEMU, which is the first of all. Null: nothing is known.
const std::vector<unsigned>* had_before(const MachineThread& thread, const std::vector<MachineThread>& threads,
                                        const Memory& memory) {
  if (const auto own = memory.find(key_of(thread.thread)); own != memory.end()) return &own->second;
  const auto of_process = [&](pid_t process) -> const std::vector<unsigned>* {
    for (const MachineThread& each : threads)
      if (each.thread.thread == process)
        if (const auto found = memory.find(key_of(each.thread)); found != memory.end()) return &found->second;
    return nullptr;
  };
  if (const auto* had = of_process(thread.thread.process)) return had;
  for (const MachineThread& each : threads) {
    const pid_t process = each.thread.process;
    if (each.thread.thread != process || process == threads.front().thread.process) continue;
    if (!std::ranges::contains(platform::descendants_of(process), thread.thread.process)) continue;
    if (const auto* had = of_process(process)) return had;
  }
  return of_process(threads.front().thread.process);
}

}  // namespace

Result<std::vector<MachineThread>> threads_of_machine(const json& description) {
  const std::vector<unsigned> cpu_threads = numbers(description, "cpu_threads");
  if (cpu_threads.empty())
    return fail("The virtual machine does not tell which threads execute its processors; it may still be starting.",
                EAGAIN);
  std::vector<MachineThread> threads;
  for (const pid_t process : processes_of(description)) {
    for (platform::Thread& thread : platform::threads_of(process)) {
      auto processors = platform::processors_of(thread.thread);
      if (!processors && is_gone(processors.error())) continue;
      if (!processors) return std::unexpected(std::move(processors.error()));
      const auto cpu = std::ranges::find(cpu_threads, static_cast<unsigned>(thread.thread));
      threads.push_back({.thread = std::move(thread),
                         .cpu = cpu == cpu_threads.end()
                                    ? std::nullopt
                                    : std::optional(static_cast<unsigned>(cpu - cpu_threads.begin())),
                         .processors = std::move(*processors)});
    }
  }
  if (threads.empty()) return fail("This system does not tell which threads a process has.", ENOTSUP);
  return threads;
}

Result<std::vector<MachineThread>> pin_machine(const Path& folder, const json& description,
                                               const std::vector<unsigned>& cpus, const std::vector<unsigned>& others) {
  std::vector<unsigned> cpu_threads = numbers(description, "cpu_threads");
  std::ranges::sort(cpu_threads);
  if (std::ranges::adjacent_find(cpu_threads) != cpu_threads.end())
    return fail("QEMU executes all of the guest's processors with one thread, which cannot be in several places.",
                ENOTSUP);
  if (cpu_threads.size() != cpus.size())
    return fail(fmt::format("The guest has {} processors, and not {}.", cpu_threads.size(), cpus.size()), EINVAL);
  // What is remembered already stays: later threads have inherited what was given to those.
  const bool remembered = recall(folder).has_value();
  // Twice: what is started while the first round goes on may have inherited what was before.
  std::vector<MachineThread> threads;
  for (int round = 0; round < 2; ++round) {
    auto found = threads_of_machine(description);
    if (!found) return found;
    threads = *std::move(found);
    if (round == 0 && !remembered)
      if (auto kept = remember(folder, threads); !kept) return std::unexpected(std::move(kept.error()));
    for (MachineThread& each : threads)
      if (auto done = set(each, each.cpu ? std::vector{cpus[*each.cpu]} : others); !done)
        return std::unexpected(std::move(done.error()));
  }
  return threads;
}

Result<std::vector<MachineThread>> unpin_machine(const Path& folder, const json& description) {
  const auto memory = recall(folder);
  if (!memory) return fail("Nothing is to be undone: its threads have never been placed.", ENOENT);
  // Twice, as above.
  std::vector<MachineThread> threads;
  for (int round = 0; round < 2; ++round) {
    auto found = threads_of_machine(description);
    if (!found) return found;
    threads = *std::move(found);
    for (MachineThread& each : threads) {
      const std::vector<unsigned>* had = had_before(each, threads, *memory);
      if (had == nullptr) continue;
      if (auto done = set(each, *had); !done) return std::unexpected(std::move(done.error()));
    }
  }
  std::error_code ignored;  // a second undoing does no harm
  std::filesystem::remove(file_in(folder), ignored);
  return threads;
}

std::optional<std::vector<unsigned>> processors_before(const Path& folder, const json& description) {
  const auto memory = recall(folder);
  const auto qemu = number(description, "qemu_process", 0x7fff'ffff);
  if (!memory || !qemu) return std::nullopt;
  for (const platform::Thread& thread : platform::threads_of(static_cast<pid_t>(*qemu)))
    if (const auto found = memory->find(key_of(thread)); found != memory->end()) return found->second;
  return std::nullopt;
}

}  // namespace hesper::vm
