// Entering the sandbox. The order matters: each step may take away what an earlier one needs.
#include "sandbox/sandbox.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstdlib>
#include <iterator>
#include <ranges>
#include <utility>

#include "platform/own_namespaces.h"
#include "platform/privileges.h"
#include "platform/process.h"
#include "sandbox/syscall_lists.h"

namespace hesper::sandbox {
namespace {

std::optional<std::string> get_environment(const char* name) {
  const char* value = std::getenv(name);
  return value != nullptr ? std::optional<std::string>(value) : std::nullopt;
}

// The steps, and what each adds to the report.
class Entrance {
 public:
  Entrance(const Options& options, Report& report) : options_(options), report_(report) {}

  void enter() {
    HostDrivers drivers{.families = {Family::none}, .unknown = {}, .files = {}};
    if (options_.process == Process::view) drivers.families = {Family::view};
    if (options_.process == Process::worker || options_.process == Process::view_with_gpu) {
      drivers = find_host_drivers(get_environment);
      // Where our own libraries are, more may lie that drivers need: an unpacked bundle brings all of them.
      std::ranges::move(platform::loaded_libraries(), std::back_inserter(drivers.files));
    }
    if (options_.process == Process::view_with_gpu) {
      // Which of them encodes nobody knows before it does; what draws on the processor does not.
      std::erase(drivers.families, Family::lavapipe);
      if (!std::ranges::contains(drivers.families, Family::mesa)) drivers.families.push_back(Family::mesa);
      drivers.families.push_back(Family::view);
    }
    remark_on(drivers);
    Policy policy = policy_for(drivers, options_.choices, get_environment);
    const bool strict = options_.level == Level::strict;

    const bool own_root = strict && leave_for_own_root(policy.files);
    if (options_.choices.nice > 0) platform::nice_process(options_.choices.nice);
    if (own_user_) policy.limits.threads = kThreads;
    if (const auto set = platform::set_limits(policy.limits); set)
      add("limits");
    else
      fall_short(set.error());
    if (strict || !options_.choices.shader_cache.empty())
      for (const auto& [name, value] : policy.environment) ::setenv(name.c_str(), value.c_str(), 1);

    const auto forbidden = platform::forbid_new_privileges();
    if (!forbidden) return fall_short(forbidden.error());
    const bool own_files = own_root || (strict && restrict_files(policy.files));
    if (const auto dropped = platform::drop_privileges(); dropped)
      add("no privileges");
    else
      fall_short(dropped.error());

    platform::name_syscall_reports(options_.log_prefix);
    platform::name_syscalls(syscall_names());
    const auto basic = platform::install_syscall_filter(policy.forbidden);
    if (!basic) return fall_short(basic.error());
    report_.reached = Level::basic;
    if (!strict) return add("system calls by a list of what is forbidden");
    const auto allowed = platform::install_syscall_filter(policy.allowed);
    if (!allowed) return fall_short(allowed.error());
    add(fmt::format("system calls by the lists of {}", families_));
    if (own_files) report_.reached = Level::strict;
  }

 private:
  void add(const std::string& means) {
    if (!report_.means.empty()) report_.means += "; ";
    report_.means += means;
  }

  void fall_short(const Error& error) {
    std::string sentence = error.message;
    if (!sentence.ends_with('.')) sentence += '.';
    report_.shortfalls.push_back(std::move(sentence));
  }

  void remark_on(const HostDrivers& drivers) {
    families_ = drivers.families.empty()
                    ? "all drivers"
                    : fmt::format("{}", fmt::join(drivers.families | std::views::transform(
                                                                         [](Family family) { return name_of(family); }),
                                                  ", "));
    for (const auto& library : drivers.unknown)
      report_.remarks.push_back(fmt::format(
          "The driver {} is of no family that the sandbox knows; it may do what any of them may.", library.native()));
  }

  bool leave_for_own_root(const platform::FileView& files) {
    const auto namespaces = platform::enter_own_namespaces();
    if (!namespaces) {
      fall_short(namespaces.error());
      return false;
    }
    own_user_ = namespaces->user;
    add(own_user_ ? "own user, mount, network, IPC, UTS and cgroup namespaces"
                  : "own mount, network, IPC, UTS and cgroup namespaces");
    if (const auto entered = platform::enter_file_view(files); !entered) {
      fall_short(entered.error());
      return false;
    }
    add("a file system of its own");
    return true;
  }

  // The second best: other files cannot be opened, but are there.
  bool restrict_files(const platform::FileView& files) {
    if (const auto restricted = platform::restrict_to_file_view(files); !restricted) {
      fall_short(restricted.error());
      return false;
    }
    add("files by Landlock");
    return true;
  }

  const Options& options_;
  Report& report_;
  bool own_user_ = false;
  std::string families_;
};

}  // namespace

Report enter(const Options& options) {
  Report report{.asked = options.level};
  if (options.level != Level::off) Entrance(options, report).enter();
  return report;
}

std::string describe(const Report& report) {
  std::string text = name_of(report.reached);
  if (report.reached != report.asked) text += fmt::format(" instead of {}", name_of(report.asked));
  if (!report.means.empty()) text += fmt::format(" ({})", report.means);
  return text;
}

}  // namespace hesper::sandbox
