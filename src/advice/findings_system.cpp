// Judges of the system itself, its processor and its memory.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <utility>

#include "advice/finding_list.h"

namespace hesper::advice {
namespace {

constexpr std::uint64_t kMebi = std::uint64_t{1} << 20;
constexpr std::uint64_t kGuestMemory = std::uint64_t{2} << 30;  // of hesper run without --memory
constexpr std::uint64_t kBesideGuest = 512 * kMebi;             // QEMU, the device, a worker: a rough guess
constexpr std::uint32_t kGuestPage = 4096;                      // of most guests

// "6.12.57+deb13-amd64": 6 and 12.
std::optional<std::pair<unsigned, unsigned>> version_of(std::string_view kernel) {
  std::pair<unsigned, unsigned> version;
  const char* const end = kernel.data() + kernel.size();
  const auto major = std::from_chars(kernel.data(), end, version.first);
  if (major.ec != std::errc() || major.ptr == end || *major.ptr != '.') return std::nullopt;
  if (std::from_chars(major.ptr + 1, end, version.second).ec != std::errc()) return std::nullopt;
  return version;
}

std::string surroundings_text(const host::OperatingSystem& system) {
  if (!system.surroundings.value) return "";
  switch (*system.surroundings.value) {
    case host::Surroundings::bare: return "";
    case host::Surroundings::container: return ", in a container";
    case host::Surroundings::wsl: return ", in Windows (WSL)";
    case host::Surroundings::virtual_machine: {
      const std::string hypervisor = system.hypervisor.value_or("");
      return hypervisor.empty() ? ", in a virtual machine" : fmt::format(", in a virtual machine ({})", hypervisor);
    }
  }
  return "";
}

void judge_kernel(const host::OperatingSystem& system, FindingList& list) {
  const auto version = system.kernel.value ? version_of(*system.kernel.value) : std::nullopt;
  if (!version) {
    FindingList::rest_on(
        list.better(Area::system, "system.kernel_unknown", "The version of the kernel is unknown.", ""), system.kernel);
    return;
  }
  if (*version >= std::pair(5U, 13U)) return;
  FindingList::rest_on(
      list.better(
          Area::system, "system.kernel_old",
          fmt::format("The kernel is Linux {}.{}; from 5.13 on there is Landlock.", version->first, version->second),
          *version < std::pair(5U, 12U)
              ? "The processes that run guests' Vulkan see this user's files: only system calls are confined."
              : "Where user namespaces are refused, those processes see this user's files."),
      system.kernel);
}

}  // namespace

void judge_system(const host::Facts& facts, FindingList& list) {
  const host::OperatingSystem& system = facts.system;
  const std::string name = system.name.value_or(system.distribution.value_or("A system without a name"));
  Finding& title =
      list.ok(Area::system, "system.name",
              fmt::format("{}{}{}{}", name, system.kernel.value ? ", kernel " + *system.kernel.value : std::string(),
                          system.architecture.value ? ", " + *system.architecture.value : std::string(),
                          surroundings_text(system)));
  FindingList::rest_on(title, system.name, system.kernel, system.architecture, system.surroundings);
  if (is_macos(facts)) {
    list.better(Area::system, "system.untried", "Hesper has never been run on macOS by those who write it.",
                "It may not work, whatever else is said here.");
  } else if (!is_linux(facts)) {
    list.blocks(Area::system, "system.unsupported", "Hesper runs on Linux; this is another system.",
                "hesper run does not start guests here.", "Hesper does not support this system");
    return;
  } else {
    judge_kernel(system, list);
  }
  if (system.architecture.value && *system.architecture.value != "x86_64" && *system.architecture.value != "aarch64")
    FindingList::rest_on(list.blocks(Area::system, "system.architecture",
                                     fmt::format("Hesper runs guests for x86_64 and arm64; this host is {}.",
                                                 *system.architecture.value),
                                     "hesper run knows no guests that this processor could run itself.",
                                     "Hesper knows no guests for this processor"),
                         system.architecture);
}

void judge_processor(const host::Facts& facts, FindingList& list) {
  const host::Processor& processor = facts.processor;
  if (!processor.model.known() && !processor.threads.known()) {
    list.unknown(Area::processor, "processor.unknown", "The processor", processor.model);
    return;
  }
  std::string text = processor.model.value_or("A processor without a name");
  if (processor.cores.value && processor.threads.value)
    text += fmt::format(", {} core{}, {} thread{}", *processor.cores.value, *processor.cores.value == 1 ? "" : "s",
                        *processor.threads.value, *processor.threads.value == 1 ? "" : "s");
  else if (processor.threads.value)
    text += fmt::format(", {} thread{}", *processor.threads.value, *processor.threads.value == 1 ? "" : "s");
  if (processor.nodes.size() > 1) text += fmt::format(", {} NUMA nodes", processor.nodes.size());
  FindingList::rest_on(list.ok(Area::processor, "processor.model", std::move(text)), processor.model, processor.cores,
                       processor.threads);
}

void judge_memory(const host::Facts& facts, FindingList& list) {
  const host::Memory& memory = facts.memory;
  if (!memory.total.known()) {
    list.unknown(Area::memory, "memory.unknown", "How much memory there is", memory.total);
  } else {
    std::string text = size_text(*memory.total.value);
    if (memory.available.value) text += fmt::format(", {} of it free", size_text(*memory.available.value));
    if (memory.page_size.value) text += fmt::format(", pages of {}", size_text(*memory.page_size.value));
    FindingList::rest_on(list.ok(Area::memory, "memory.size", std::move(text)), memory.total, memory.available,
                         memory.page_size);
  }
  if (memory.available.value && *memory.available.value < kGuestMemory + kBesideGuest)
    FindingList::rest_on(
        list.better(Area::memory, "memory.little",
                    fmt::format("Only {} of memory are free.", size_text(*memory.available.value)),
                    "A guest gets 2 GiB unless hesper run --memory says less; beyond what is free, the host swaps or "
                    "ends programs."),
        memory.available);
  if (memory.page_size.value && *memory.page_size.value > kGuestPage)
    FindingList::rest_on(
        list.better(Area::memory, "memory.page_size",
                    fmt::format("The host's memory pages have {}.", size_text(*memory.page_size.value)),
                    fmt::format("In guests with smaller pages some images cannot be bound to memory, and sparse "
                                "resources may be missing. Guests with a kernel for pages of {} have neither trouble.",
                                size_text(*memory.page_size.value))),
        memory.page_size);
  if (facts.limits.overcommit.is(2)) {
    Finding& finding =
        list.better(Area::memory, "memory.overcommit",
                    "The kernel promises no more memory than it has "
                    "(vm.overcommit_memory is 2).",
                    "Drivers and QEMU reserve addresses that they never use, and may fail with \"out of memory\".");
    FindingList::rest_on(finding, facts.limits.overcommit);
    const std::string file = "/etc/sysctl.d/70-hesper-overcommit.conf";
    finding.steps.push_back({.title = "Let the kernel decide how much memory it promises",
                             .reason = "0 is what Linux comes with.",
                             .files = {{.path = file, .contents = "vm.overcommit_memory = 0\n"}},
                             .commands = {"sudo sysctl vm.overcommit_memory=0"},
                             .undo = {"sudo rm " + file, "sudo sysctl vm.overcommit_memory=2"},
                             .takes = Takes::effect_at_once,
                             .if_it_fails = {}});
  }
}

}  // namespace hesper::advice
