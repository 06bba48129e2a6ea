// /proc/cpuinfo, /sys/devices/system; sysctl on macOS.
#include "host/processor.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <tuple>

#include "host/fact.h"
#include "host/text.h"

namespace hesper::host {
namespace {

using Path = std::filesystem::path;

constexpr const char* kCpuinfo = "/proc/cpuinfo";
constexpr const char* kCpus = "/sys/devices/system/cpu";
constexpr const char* kNodes = "/sys/devices/system/node";

// The number of a name such as "cpu12" or "node0".
std::optional<unsigned> number_behind(std::string_view name, std::string_view prefix) {
  if (!name.starts_with(prefix)) return std::nullopt;
  const auto number = small_number_in(name.substr(prefix.size()));
  return number && *number <= kMostCpus ? number : std::nullopt;
}

unsigned number_or(const System& system, const Path& file, unsigned other) {
  const auto fact = count_in(system, file);
  return fact.known() && *fact.value <= 0xffffffff ? static_cast<unsigned>(*fact.value) : other;
}

// ---- Names ----------------------------------------------------------------------------------------------------------

struct Names {
  Fact<std::string> vendor, model, virtualization;
};

Names names_by_cpuinfo(const System& system, bool is_arm) {
  const auto text = system.read(kCpuinfo);
  if (!text) {
    const auto no = unknown<std::string>(text.error().message, kCpuinfo);
    return {.vendor = no, .model = no, .virtualization = no};
  }
  Names names;
  const auto told = [&](std::optional<std::string_view> value, const char* what) {
    if (!value || value->empty()) return unknown<std::string>(fmt::format("'{}' has no {}.", kCpuinfo, what), kCpuinfo);
    return known(shown(*value), kCpuinfo);
  };
  if (is_arm) {
    const auto implementer = small_number_in(value_of(*text, "CPU implementer", ':').value_or(""), 16);
    const auto part = small_number_in(value_of(*text, "CPU part", ':').value_or(""), 16);
    const std::string_view vendor = implementer ? arm_vendor(*implementer) : std::string_view();
    const std::string_view core = implementer && part ? arm_core(*implementer, *part) : std::string_view();
    names.vendor = told(vendor, "CPU implementer that is known here");
    const std::string board = line_or_nothing(system, "/proc/device-tree/model");
    if (!core.empty())
      names.model = known(fmt::format("{} {}", vendor, core), kCpuinfo);
    else if (!board.empty())
      names.model = known(shown(split_at(board, '?').first), "/proc/device-tree/model");  // a NUL ends it
    else
      names.model = told(std::nullopt, "CPU part that is known here");
    names.virtualization = unknown<std::string>("ARM's processors do not list it; /dev/kvm tells.", kCpuinfo);
    return names;
  }
  names.vendor = told(value_of(*text, "vendor_id", ':'), "vendor_id");
  names.model = told(value_of(*text, "model name", ':'), "model name");
  const auto flags = value_of(*text, "flags", ':');
  if (!flags) {
    names.virtualization = told(std::nullopt, "flags");
    return names;
  }
  names.virtualization = known<std::string>("", kCpuinfo);
  for (const std::string_view flag : words_of(*flags))
    if (flag == "vmx" || flag == "svm") names.virtualization.value = flag;
  return names;
}

// ---- Threads and cores ----------------------------------------------------------------------------------------------

struct Cache {
  unsigned level = 0;
  std::string type, size, shared;
};

std::vector<Cache> caches_of(const System& system, const Path& cpu) {
  std::vector<Cache> caches;
  const auto indices = system.list(cpu / "cache");
  if (!indices) return caches;
  for (const std::string& name : *indices) {
    if (!number_behind(name, "index") || caches.size() == 16) continue;
    const Path folder = cpu / "cache" / name;
    Cache cache{.level = number_or(system, folder / "level", 0),
                .type = line_or_nothing(system, folder / "type"),
                .size = line_or_nothing(system, folder / "size"),
                .shared = line_or_nothing(system, folder / "shared_cpu_list")};
    if (cache.level >= 1 && cache.level <= 9) caches.push_back(std::move(cache));
  }
  return caches;
}

// "L3 32M, shared by 0-7", each once.
void add_cache_lines(std::vector<std::string>& lines, const std::vector<Cache>& caches) {
  for (const Cache& cache : caches) {
    const std::string_view kind = cache.type == "Data" ? "d" : cache.type == "Instruction" ? "i" : "";
    std::string line = fmt::format("L{}{} {}, shared by {}", cache.level, kind, cache.size, cache.shared);
    if (lines.size() < 4096 && !std::ranges::contains(lines, line)) lines.push_back(std::move(line));
  }
}

// Cores and last caches get numbers in the order of their first thread.
class Numbering {
 public:
  unsigned of(const std::string& key) {
    return numbers_.emplace(key, static_cast<unsigned>(numbers_.size())).first->second;
  }
  [[nodiscard]] unsigned size() const { return static_cast<unsigned>(numbers_.size()); }

 private:
  std::map<std::string, unsigned> numbers_;
};

// Which core a thread is on. Core ids repeat from socket to socket, and on some processors within one: those threads
// are on one core that are each other's siblings.
std::string core_of(const System& system, const Path& cpu, unsigned number) {
  const std::string siblings = line_or_nothing(system, cpu / "topology/thread_siblings_list");
  if (!siblings.empty()) return siblings;
  const std::string core = line_or_nothing(system, cpu / "topology/core_id");
  const std::string socket = line_or_nothing(system, cpu / "topology/physical_package_id");
  return core.empty() ? fmt::format("cpu{}", number) : fmt::format("{}/{}", socket, core);
}

void take_threads(const System& system, Processor& processor) {
  const auto names = system.list(kCpus);
  if (!names) {
    processor.cores = processor.threads = unknown<unsigned>(names.error().message, kCpus);
    processor.caches = unknown<std::vector<std::string>>(names.error().message, kCpus);
    return;
  }
  std::vector<unsigned> numbers;
  for (const std::string& name : *names)
    if (const auto number = number_behind(name, "cpu")) numbers.push_back(*number);
  std::ranges::sort(numbers);
  const auto online = numbers_of_list(line_or_nothing(system, Path(kCpus) / "online"));
  Numbering cores, shares;
  std::vector<std::string> cache_lines;
  unsigned threads = 0;
  for (const unsigned number : numbers) {
    const Path folder = Path(kCpus) / fmt::format("cpu{}", number);
    LogicalCpu cpu{.number = number};
    cpu.online = !online || online->empty() || std::ranges::binary_search(*online, number);
    if (cpu.online) {
      ++threads;
      cpu.core = cores.of(core_of(system, folder, number));
      cpu.socket = number_or(system, folder / "topology/physical_package_id", 0);
      cpu.most_khz = count_in(system, folder / "cpufreq/cpuinfo_max_freq").value_or(0);
      cpu.capacity = number_or(system, folder / "cpu_capacity", 0);
      const auto caches = caches_of(system, folder);
      add_cache_lines(cache_lines, caches);
      const auto last = std::ranges::max_element(caches, {}, &Cache::level);
      if (last != caches.end() && last->level >= 2) cpu.last_cache = shares.of(last->shared);
    }
    processor.cpus.push_back(cpu);
  }
  if (threads == 0) {
    const std::string why = fmt::format("'{}' lists no processor.", kCpus);
    processor.cpus.clear();
    processor.cores = processor.threads = unknown<unsigned>(why, kCpus);
    processor.caches = unknown<std::vector<std::string>>(why, kCpus);
    return;
  }
  processor.threads = known(threads, fmt::format("{}/online", kCpus));
  processor.cores = known(cores.size(), fmt::format("{}/cpu*/topology", kCpus));
  std::ranges::sort(cache_lines);
  processor.caches = cache_lines.empty() ? unknown<std::vector<std::string>>("The kernel tells of no cache.",
                                                                             fmt::format("{}/cpu0/cache", kCpus))
                                         : known(std::move(cache_lines), fmt::format("{}/cpu*/cache", kCpus));
}

// "Node 0 MemTotal:       32768 kB" in bytes.
std::uint64_t memory_of_node(std::string_view meminfo) {
  for (const std::string_view line : lines_of(meminfo)) {
    const auto words = words_of(line);
    if (words.size() < 4 || words[2] != "MemTotal:") continue;
    const auto kib = number_in(words[3]);
    return kib && *kib < (std::uint64_t{1} << 50) ? *kib * 1024 : 0;
  }
  return 0;
}

void take_nodes(const System& system, Processor& processor) {
  const auto names = system.list(kNodes);
  if (!names) return;  // a kernel without NUMA
  for (const std::string& name : *names) {
    const auto number = number_behind(name, "node");
    if (!number) continue;
    const Path folder = Path(kNodes) / name;
    const auto cpus = numbers_of_list(line_or_nothing(system, folder / "cpulist"));
    if (!cpus) continue;
    NumaNode node{
        .number = *number, .memory = memory_of_node(system.read(folder / "meminfo").value_or("")), .cpus = {}};
    for (LogicalCpu& cpu : processor.cpus) {
      if (!std::ranges::contains(*cpus, cpu.number)) continue;
      cpu.node = *number;
      node.cpus.push_back(cpu.number);
    }
    processor.nodes.push_back(std::move(node));
  }
  std::ranges::sort(processor.nodes, {}, &NumaNode::number);
}

// ---- macOS ----------------------------------------------------------------------------------------------------------

Processor processor_of_macos(const System& system) {
  Processor processor;
  const std::vector<std::string> command = {"sysctl", "hw", "machdep.cpu.brand_string"};
  const std::string source = line_of(command);
  // It prints what it knows even if it ends with an error for the rest.
  const auto answer = system.run(command);
  const std::string text = answer ? answer->output : "";
  const std::string why = answer ? "sysctl does not tell." : answer.error().message;
  const auto word = [&](std::string_view key) {
    const auto value = value_of(text, key, ':');
    return value ? known(shown(*value), source) : unknown<std::string>(why, source);
  };
  const auto number = [&](std::string_view key) {
    const auto value = small_number_in(value_of(text, key, ':').value_or(""));
    return value && *value <= kMostCpus ? known(*value, source) : unknown<unsigned>(why, source);
  };
  processor.model = word("machdep.cpu.brand_string");
  processor.vendor = processor.model;
  if (processor.vendor.known())
    processor.vendor.value = processor.vendor.value->starts_with("Apple") ? "Apple" : "GenuineIntel";
  processor.cores = number("hw.physicalcpu");
  processor.threads = number("hw.logicalcpu");
  const auto support = output_of(system, {"sysctl", "-n", "kern.hv_support"});
  processor.virtualization =
      support ? known<std::string>(trimmed(*support) == "1" ? "hvf" : "", "sysctl -n kern.hv_support")
              : unknown<std::string>(support.error().message, "sysctl -n kern.hv_support");
  std::vector<std::string> caches;
  for (const auto& [key, name] : {std::pair{"hw.l1dcachesize", "L1d"}, std::pair{"hw.l1icachesize", "L1i"},
                                  std::pair{"hw.l2cachesize", "L2"}, std::pair{"hw.l3cachesize", "L3"}})
    if (const auto size = number_in(value_of(text, key, ':').value_or("")))
      caches.push_back(fmt::format("{} {}K", name, *size >> 10));
  processor.caches = caches.empty() ? unknown<std::vector<std::string>>(why, source) : known(std::move(caches), source);
  // The kinds of cores, fastest first; which number has which is not told.
  const unsigned levels = std::min(number("hw.nperflevels").value_or(0), 4u);
  for (unsigned level = 0; level < levels; ++level) {
    const unsigned count = number(fmt::format("hw.perflevel{}.logicalcpu", level)).value_or(0);
    for (unsigned i = 0; i < count && processor.cpus.size() < kMostCpus; ++i) {
      const auto next = static_cast<unsigned>(processor.cpus.size());
      processor.cpus.push_back({.number = next, .core = next, .capacity = 1024u >> level});
    }
  }
  return processor;
}

}  // namespace

std::string_view arm_vendor(unsigned implementer) noexcept {
  switch (implementer) {
    case 0x41: return "ARM";
    case 0x42: return "Broadcom";
    case 0x46: return "Fujitsu";
    case 0x48: return "HiSilicon";
    case 0x4e: return "NVIDIA";
    case 0x51: return "Qualcomm";
    case 0x61: return "Apple";
    case 0xc0: return "Ampere";
    default: return "";
  }
}

std::string_view arm_core(unsigned implementer, unsigned part) noexcept {
  struct Row {
    unsigned implementer, part;
    std::string_view name;
  };
  static constexpr std::array kRows = {
      Row{0x41, 0xd03, "Cortex-A53"},   Row{0x41, 0xd05, "Cortex-A55"},      Row{0x41, 0xd07, "Cortex-A57"},
      Row{0x41, 0xd08, "Cortex-A72"},   Row{0x41, 0xd0b, "Cortex-A76"},      Row{0x41, 0xd0c, "Neoverse-N1"},
      Row{0x41, 0xd40, "Neoverse-V1"},  Row{0x41, 0xd49, "Neoverse-N2"},     Row{0x41, 0xd4f, "Neoverse-V2"},
      Row{0x41, 0xd41, "Cortex-A78"},   Row{0x41, 0xd44, "Cortex-X1"},       Row{0x61, 0x022, "M1 Icestorm"},
      Row{0x61, 0x023, "M1 Firestorm"}, Row{0x61, 0x024, "M1 Pro Icestorm"}, Row{0x61, 0x025, "M1 Pro Firestorm"},
      Row{0x61, 0x032, "M2 Blizzard"},  Row{0x61, 0x033, "M2 Avalanche"},    Row{0xc0, 0xac3, "Ampere-1"},
      Row{0xc0, 0xac4, "Ampere-1a"},    Row{0x51, 0x001, "Oryon"},           Row{0x48, 0xd01, "TaiShan-V110"},
  };
  for (const Row& row : kRows)
    if (row.implementer == implementer && row.part == part) return row.name;
  return "";
}

Processor look_at_processor(const System& system, const OperatingSystem& os) {
  if (os.kind == platform::System::macos) return processor_of_macos(system);
  Processor processor;
  Names names = names_by_cpuinfo(system, os.architecture.is("aarch64"));
  processor.vendor = std::move(names.vendor);
  processor.model = std::move(names.model);
  processor.virtualization = std::move(names.virtualization);
  take_threads(system, processor);
  take_nodes(system, processor);
  return processor;
}

}  // namespace hesper::host
