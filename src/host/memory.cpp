// /proc/meminfo, /sys/kernel/mm, /proc/self/limits; sysctl on macOS.
#include "host/memory.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>

#include "host/fact.h"
#include "host/text.h"

namespace hesper::host {
namespace {

constexpr const char* kMeminfo = "/proc/meminfo";
constexpr const char* kHugePages = "/sys/kernel/mm/hugepages";
constexpr std::uint64_t kMostKib = std::uint64_t{1} << 50;

Fact<std::uint32_t> page_size(const System& system) {
  const std::vector<std::string> command = {"getconf", "PAGESIZE"};
  const auto text = output_of(system, command);
  if (!text) return unknown<std::uint32_t>(text.error().message, line_of(command));
  const auto size = small_number_in(*text);
  if (!size || !std::has_single_bit(*size))
    return unknown<std::uint32_t>("'getconf PAGESIZE' prints no power of two.", line_of(command));
  return known<std::uint32_t>(*size, line_of(command));
}

std::vector<HugePages> huge_pages(const System& system) {
  std::vector<HugePages> sizes;
  const auto names = system.list(kHugePages);
  if (!names) return sizes;
  for (const std::string& name : *names) {  // "hugepages-2048kB"
    constexpr std::string_view kBefore = "hugepages-", kBehind = "kB";
    if (!name.starts_with(kBefore) || !name.ends_with(kBehind) || name.size() < kBefore.size() + kBehind.size())
      continue;
    const auto kib =
        number_in(std::string_view(name).substr(kBefore.size(), name.size() - kBefore.size() - kBehind.size()));
    if (!kib || *kib > kMostKib || sizes.size() == 16) continue;
    const std::filesystem::path folder = std::filesystem::path(kHugePages) / name;
    sizes.push_back({.size = *kib * 1024,
                     .total = count_in(system, folder / "nr_hugepages").value_or(0),
                     .free = count_in(system, folder / "free_hugepages").value_or(0)});
  }
  std::ranges::sort(sizes, {}, &HugePages::size);
  return sizes;
}

Memory memory_of_macos(const System& system) {
  Memory memory;
  memory.page_size = page_size(system);
  const std::vector<std::string> command = {"sysctl", "-n", "hw.memsize"};
  const auto text = output_of(system, command);
  const auto size = text ? number_in(*text) : std::nullopt;
  memory.total =
      size ? known(*size, line_of(command))
           : unknown<std::uint64_t>(text ? "sysctl prints no number." : text.error().message, line_of(command));
  memory.available = unknown<std::uint64_t>("macOS has no such number.", "");
  memory.transparent = unknown<std::string>("This is for Linux.", "");
  return memory;
}

// What is free in the file system that memory is shared by, in bytes.
Fact<std::uint64_t> free_shared_memory(const System& system) {
  const std::vector<std::string> command = {"df", "-Pk", "/dev/shm"};
  const auto text = output_of(system, command);
  if (!text) return unknown<std::uint64_t>(text.error().message, line_of(command));
  const auto lines = lines_of(*text);
  const auto words = lines.size() >= 2 ? words_of(lines.back()) : std::vector<std::string_view>();
  const auto kib = words.size() >= 6 ? number_in(words[words.size() - 3]) : std::nullopt;
  if (!kib || *kib > kMostKib)
    return unknown<std::uint64_t>("'df -Pk /dev/shm' does not print what POSIX says.", line_of(command));
  return known(*kib * 1024, line_of(command));
}

}  // namespace

std::optional<std::uint64_t> meminfo_value(std::string_view text, std::string_view key) {
  const auto value = value_of(text, key, ':');
  if (!value) return std::nullopt;
  const auto words = words_of(*value);
  const auto number = words.empty() ? std::nullopt : number_in(words[0]);
  if (!number || *number > kMostKib) return std::nullopt;
  return words.size() > 1 && words[1] == "kB" ? *number * 1024 : *number;
}

std::optional<SoftAndHard> limit_in(std::string_view text, std::string_view name) {
  const auto number = [](std::string_view word) {
    return word == "unlimited" ? std::optional(~std::uint64_t{0}) : number_in(word);
  };
  for (const std::string_view line : lines_of(text)) {
    if (!line.starts_with(name)) continue;
    const auto words = words_of(line.substr(name.size()));
    if (words.size() < 2) return std::nullopt;
    const auto soft = number(words[0]), hard = number(words[1]);
    if (!soft || !hard) return std::nullopt;
    return SoftAndHard{.soft = *soft, .hard = *hard};
  }
  return std::nullopt;
}

std::string_view bracketed(std::string_view text) {
  const std::size_t open = text.find('['), close = text.find(']');
  if (open == std::string_view::npos || close == std::string_view::npos || close < open) return {};
  return text.substr(open + 1, close - open - 1);
}

Memory look_at_memory(const System& system, const OperatingSystem& os) {
  if (os.kind == platform::System::macos) return memory_of_macos(system);
  Memory memory;
  const auto meminfo = system.read(kMeminfo);
  const auto told = [&](std::string_view key) {
    if (!meminfo) return unknown<std::uint64_t>(meminfo.error().message, kMeminfo);
    const auto value = meminfo_value(*meminfo, key);
    return value ? known(*value, kMeminfo)
                 : unknown<std::uint64_t>(fmt::format("'{}' tells no {}.", kMeminfo, key), kMeminfo);
  };
  memory.total = told("MemTotal");
  memory.available = told("MemAvailable");
  memory.page_size = page_size(system);
  memory.huge_pages = huge_pages(system);
  constexpr const char* kTransparent = "/sys/kernel/mm/transparent_hugepage/enabled";
  memory.transparent = line_in(system, kTransparent);
  if (memory.transparent.known()) {
    const std::string chosen(bracketed(*memory.transparent.value));
    memory.transparent = chosen.empty()
                             ? unknown<std::string>(fmt::format("'{}' marks no choice.", kTransparent), kTransparent)
                             : known(chosen, kTransparent);
  }
  return memory;
}

Limits look_at_limits(const System& system, const OperatingSystem& os) {
  Limits limits;
  if (os.kind == platform::System::macos) {
    limits.memlock = limits.nofile = limits.overcommit = limits.max_map_count = limits.shared_memory =
        unknown<std::uint64_t>("This is for Linux.", "");
    return limits;
  }
  constexpr const char* kLimits = "/proc/self/limits";
  const auto text = system.read(kLimits);
  const auto told = [&](std::string_view name, std::uint64_t SoftAndHard::* which) {
    if (!text) return unknown<std::uint64_t>(text.error().message, kLimits);
    const auto limit = limit_in(*text, name);
    return limit ? known((*limit).*which, kLimits)
                 : unknown<std::uint64_t>(fmt::format("'{}' does not tell \"{}\".", kLimits, name), kLimits);
  };
  limits.memlock = told("Max locked memory", &SoftAndHard::soft);
  limits.nofile = told("Max open files", &SoftAndHard::hard);
  limits.overcommit = count_in(system, "/proc/sys/vm/overcommit_memory");
  limits.max_map_count = count_in(system, "/proc/sys/vm/max_map_count");
  limits.shared_memory = free_shared_memory(system);
  return limits;
}

}  // namespace hesper::host
