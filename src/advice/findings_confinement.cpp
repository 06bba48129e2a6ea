// Judges of sandbox and limits, and of what is needed to give devices to guests, which is only told of here.
#include <fmt/format.h>

#include <cerrno>
#include <limits>
#include <system_error>

#include "advice/access.h"
#include "advice/finding_list.h"

namespace hesper::advice {
namespace {

using host::Facts;

constexpr std::uint64_t kFiles = 65'536;     // of a worker, docs/sandbox.md
constexpr std::uint64_t kMappings = 65'530;  // Linux's own default
constexpr std::uint64_t kUnlimited = std::numeric_limits<std::uint64_t>::max();

std::string limit_text(std::uint64_t bytes) { return bytes == kUnlimited ? "any amount" : size_text(bytes); }

Step setting_step(std::string title, const std::string& name, const std::string& value, const std::string& before) {
  const std::string file = "/etc/sysctl.d/70-hesper-" + name.substr(name.rfind('.') + 1) + ".conf";
  Step step{.title = std::move(title),
            .reason = {},
            .files = {{.path = file, .contents = fmt::format("{} = {}\n", name, value)}},
            .commands = {fmt::format("sudo sysctl {}={}", name, value)},
            .undo = {"sudo rm " + file},
            .takes = Takes::effect_at_once,
            .if_it_fails = {}};
  if (!before.empty()) step.undo.push_back(fmt::format("sudo sysctl {}={}", name, before));
  return step;
}

void judge_namespaces(const Facts& facts, FindingList& list) {
  const auto& namespaces = facts.services.user_namespaces;
  if (!namespaces.known()) {
    list.unknown(Area::confinement, "sandbox.unknown", "Whether you may make user namespaces", namespaces);
    return;
  }
  if (*namespaces.value) {
    FindingList::rest_on(
        list.ok(Area::confinement, "sandbox.namespaces", "Workers and hesper-view get file systems of their own"),
        namespaces);
    return;
  }
  Finding& finding = list.better(
      Area::confinement, "sandbox.no_namespaces", "You may not make user namespaces.",
      "Hesper's workers and hesper-view are confined by Landlock instead, where the kernel has it: they can find out "
      "names of files, but read none of yours.");
  FindingList::rest_on(finding, namespaces);
  if (facts.system.surroundings.is(host::Surroundings::container)) {
    finding.note = "Containers usually forbid it; that is nothing to worry about.";
  } else if (namespaces.why.contains("uid_map") || namespaces.source.contains("apparmor")) {
    finding.steps.push_back(
        setting_step("Let programs make user namespaces", "kernel.apparmor_restrict_unprivileged_userns", "0", "1"));
    finding.note =
        "Every program of this host may do so then. A profile of AppArmor for hesper-render, hesper-gpu and "
        "hesper-view alone, with the line userns, is the narrower way.";
  } else if (namespaces.why.contains(std::generic_category().message(ENOSPC)) ||
             namespaces.source.contains("max_user_namespaces")) {
    finding.steps.push_back(setting_step("Let users make user namespaces", "user.max_user_namespaces", "15000", "0"));
  } else {
    finding.steps.push_back(
        setting_step("Let users make user namespaces", "kernel.unprivileged_userns_clone", "1", "0"));
    finding.steps.back().if_it_fails = "A kernel without that setting forbids it in another way.";
  }
}

void judge_files(const Facts& facts, FindingList& list) {
  const auto& files = facts.limits.nofile;
  if (!files.known()) {
    list.unknown(Area::confinement, "limits.files_unknown", "How many files a program may open", files);
    return;
  }
  if (*files.value >= kFiles) {
    Finding& finding = list.ok(Area::confinement, "limits.files",
                               *files.value == kUnlimited ? std::string("Any number of open files")
                                                          : fmt::format("{} open files", *files.value));
    finding.minor = true;
    FindingList::rest_on(finding, files);
    return;
  }
  Finding& finding = list.better(
      Area::confinement, "limits.few_files", fmt::format("A program may open {} files at most.", *files.value),
      fmt::format("Guests' programs with many buffers run out of them: Hesper reckons with {}.", kFiles));
  FindingList::rest_on(finding, files);
  if (facts.user.id == 0 || !can_be_typed(facts.user.name)) return;
  const std::string file = "/etc/security/limits.d/hesper.conf";
  finding.steps.push_back(
      {.title = "Let your programs open more files",
       .reason = {},
       .files = {{.path = file, .contents = fmt::format("{} hard nofile 524288\n", facts.user.name)}},
       .commands = {},
       .undo = {"sudo rm " + file},
       .takes = Takes::new_login,
       .if_it_fails = "Sessions that systemd starts have its DefaultLimitNOFILE= instead: /etc/systemd/system.conf."});
}

}  // namespace

void judge_confinement(const Facts& facts, FindingList& list) {
  if (!is_linux(facts)) return;
  judge_namespaces(facts, list);
  judge_files(facts, list);
  const host::Limits& limits = facts.limits;
  if (limits.memlock.known()) {
    Finding& finding = list.ok(Area::confinement, "limits.memlock",
                               fmt::format("{} may be locked in memory; only giving devices to guests needs more",
                                           limit_text(*limits.memlock.value)));
    finding.minor = true;
    FindingList::rest_on(finding, limits.memlock);
  }
  if (limits.max_map_count.known() && *limits.max_map_count.value < kMappings) {
    Finding& finding = list.better(
        Area::confinement, "limits.few_mappings",
        fmt::format("A program may map {} pieces of memory at most (vm.max_map_count).", *limits.max_map_count.value),
        "Guests' programs with many buffers run out of them.");
    FindingList::rest_on(finding, limits.max_map_count);
    finding.steps.push_back(setting_step("Let programs map more pieces of memory", "vm.max_map_count", "262144",
                                         std::to_string(*limits.max_map_count.value)));
  }
}

void judge_passthrough(const Facts& facts, FindingList& list) {
  if (!is_linux(facts)) return;
  const host::Iommu& iommu = facts.iommu;
  if (!iommu.on.known()) {
    FindingList::rest_on(list.ok(Area::passthrough, "iommu.unknown",
                                 "Whether there is an IOMMU is unknown; only hesper "
                                 "passthrough needs one"),
                         iommu.on);
    return;
  }
  FindingList::rest_on(
      list.ok(Area::passthrough, "iommu.state",
              *iommu.on.value
                  ? fmt::format("The IOMMU is on ({} groups); hesper plan says what can be given to guests",
                                iommu.groups.size())
                  : std::string("No IOMMU is in use; only giving devices to guests needs one: hesper plan")),
      iommu.on, iommu.kind);
}

}  // namespace hesper::advice
