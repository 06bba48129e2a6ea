// Which way to graphics comes first on each host of tests/hosts, for each guest, and what becomes of the others.
#include "advice/options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <string>
#include <vector>

#include "advice/gpu_hosts.h"
#include "advice/passthrough.h"
#include "host/description.h"
#include "host/gather.h"

namespace hesper::advice {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;

const std::filesystem::path kHosts = HESPER_HOSTS;

host::Facts facts_of(const std::string& name) {
  std::ifstream file(kHosts / (name + ".host"), std::ios::binary);
  const std::string text(std::istreambuf_iterator<char>(file), {});
  const auto system = host::described_system(text);
  EXPECT_TRUE(system) << name << ": " << (system ? "" : system.error().message);
  return system ? host::gather_facts(**system) : host::Facts();
}

const Option& option_of(const std::vector<Option>& all, std::string_view id) {
  const auto found = std::ranges::find(all, id, &Option::id);
  EXPECT_NE(found, all.end()) << id;
  return *found;
}

struct Case {
  std::string host;
  std::string linux, macos, windows, other;  // the first option's id, then its GPU if it names one, and its viability
};

std::string first_of(const host::Facts& facts, GuestSystem guest) {
  const Option first = options(facts, {.guest = guest}).front();
  return first.id + (first.gpu.empty() ? "" : " " + first.gpu) + " " + std::string(name_of(first.viability));
}

const std::vector<Case> kCases = {
    {"acs-override", "hesper works_now", "passthrough 0000:05:00.0 after_steps", "passthrough 0000:05:00.0 after_steps",
     "passthrough 0000:05:00.0 after_steps"},
    {"amd-desktop-one-gpu", "hesper works_now", "software works_now", "software works_now", "software works_now"},
    {"apple-m-with-entitlement", "hesper after_steps", "paravirtual after_steps", "software works_now",
     "software works_now"},
    {"apple-m-without-entitlement", "hesper after_steps", "paravirtual after_steps", "software works_now",
     "software works_now"},
    {"apple-m2", "hesper after_steps", "paravirtual after_steps", "software works_now", "software works_now"},
    {"arm-server-smmu", "hesper works_now", "software works_now", "passthrough 000d:01:00.0 after_steps",
     "passthrough 000d:01:00.0 after_steps"},
    {"asahi-16k", "hesper works_now", "software works_now", "software works_now", "software works_now"},
    {"broken-icd-json", "hesper works_now", "software works_now", "software works_now", "software works_now"},
    {"container-without-dri", "hesper works_now", "software works_now", "software works_now", "software works_now"},
    {"debian-13-amd-desktop", "hesper works_now", "software works_now", "passthrough 0000:03:00.0 after_steps",
     "passthrough 0000:03:00.0 after_steps"},
    {"debian-13-lavapipe", "hesper works_now", "software works_now", "software works_now", "software works_now"},
    {"dirty-iommu-group", "hesper works_now", "software works_now", "software works_now", "software works_now"},
    {"gpu-in-use", "hesper works_now", "software works_now", "passthrough 0000:01:00.0 after_steps",
     "passthrough 0000:01:00.0 after_steps"},
    {"gvt-g", "hesper after_steps", "software works_now", "mediated 0000:00:02.0 after_steps", "software works_now"},
    {"hybrid-muxless", "hesper works_now", "software works_now", "passthrough 0000:01:00.0 after_steps",
     "passthrough 0000:01:00.0 after_steps"},
    {"intel-laptop-hybrid", "hesper works_now", "software works_now", "passthrough 0000:01:00.0 after_steps",
     "passthrough 0000:01:00.0 after_steps"},
    {"intel-laptop-two-gpus", "hesper works_now", "software works_now", "passthrough 0000:01:00.0 after_steps",
     "passthrough 0000:01:00.0 after_steps"},
    {"iommu-off-in-firmware", "hesper works_now", "passthrough 0000:03:00.0 after_steps",
     "passthrough 0000:03:00.0 after_steps", "passthrough 0000:03:00.0 after_steps"},
    {"iommu-off", "hesper works_now", "passthrough 0000:03:00.0 after_steps", "passthrough 0000:03:00.0 after_steps",
     "passthrough 0000:03:00.0 after_steps"},
    {"low-limits", "hesper works_now", "software works_now", "sr-iov 0000:00:02.0 after_steps",
     "sr-iov 0000:00:02.0 after_steps"},
    {"missing-groups", "hesper after_steps", "software after_steps", "sr-iov 0000:00:02.0 after_steps",
     "sr-iov 0000:00:02.0 after_steps"},
    {"nested-kvm-weak", "hesper works_now", "software works_now", "software works_now", "software works_now"},
    {"no-vulkan-loader", "hesper after_steps", "passthrough 0000:03:00.0 after_steps",
     "passthrough 0000:03:00.0 after_steps", "passthrough 0000:03:00.0 after_steps"},
    {"nvidia-server-no-drm", "hesper after_steps", "software after_steps", "passthrough 0000:16:00.0 after_steps",
     "passthrough 0000:16:00.0 after_steps"},
    {"nvidia-vgpu", "mediated 0000:41:00.0 after_steps", "software works_now", "mediated 0000:41:00.0 after_steps",
     "passthrough 0000:41:00.0 after_steps"},
    {"old-qemu", "hesper after_steps", "software works_now", "sr-iov 0000:00:02.0 after_steps",
     "sr-iov 0000:00:02.0 after_steps"},
    {"sr-iov-by-linux", "hesper works_now", "software works_now", "sr-iov 0000:00:02.0 after_steps",
     "sr-iov 0000:00:02.0 after_steps"},
    {"sr-iov", "hesper works_now", "software works_now", "sr-iov 0000:00:02.0 after_steps",
     "sr-iov 0000:00:02.0 after_steps"},
    {"tcg-only-no-virtualization", "hesper works_now", "software after_steps", "passthrough 0000:07:00.0 after_steps",
     "passthrough 0000:07:00.0 after_steps"},
    {"two-nvidia", "hesper after_steps", "software works_now", "passthrough 0000:42:00.0 after_steps",
     "passthrough 0000:42:00.0 after_steps"},
    {"wsl2", "hesper works_now", "software after_steps", "software after_steps", "software after_steps"},
    {"xeon-rx580-no-igpu", "hesper works_now", "passthrough 0000:03:00.0 after_steps",
     "passthrough 0000:03:00.0 after_steps", "passthrough 0000:03:00.0 after_steps"},
};

class OptionsOfHosts : public ::testing::TestWithParam<Case> {};

TEST_P(OptionsOfHosts, HaveThisOptionFirst) {
  const Case& expected = GetParam();
  const host::Facts facts = facts_of(expected.host);
  EXPECT_EQ(first_of(facts, GuestSystem::linux), expected.linux);
  EXPECT_EQ(first_of(facts, GuestSystem::macos), expected.macos);
  EXPECT_EQ(first_of(facts, GuestSystem::windows), expected.windows);
  EXPECT_EQ(first_of(facts, GuestSystem::other), expected.other);
}

// Whatever the host: each option once, reasons and sources where they belong, the possible ones before the others.
TEST_P(OptionsOfHosts, HaveWellFormedOptions) {
  const host::Facts facts = facts_of(GetParam().host);
  for (const GuestSystem guest : {GuestSystem::linux, GuestSystem::macos, GuestSystem::windows, GuestSystem::other}) {
    const std::vector<Option> all = options(facts, {.guest = guest});
    std::set<std::string> ids;
    bool impossible = false;
    for (const Option& option : all) {
      const std::string where = GetParam().host + ", " + std::string(name_of(guest)) + ", " + option.id;
      EXPECT_TRUE(ids.insert(option.id).second) << where;
      EXPECT_FALSE(option.because.empty()) << where;
      if (option.viability == Viability::not_here) {
        impossible = true;
        continue;
      }
      EXPECT_FALSE(impossible) << where << " comes after one that is impossible";
      EXPECT_FALSE(option.gains.empty() || option.losses.empty() || option.steps.empty()) << where;
      EXPECT_FALSE(option.if_it_goes_wrong.empty()) << where;
      EXPECT_FALSE(option.rests_on.empty()) << where;
      for (const Sourced& fact : option.rests_on) EXPECT_FALSE(fact.source.empty()) << where << ": " << fact.sentence;
      for (const Sourced& effect : option.effects) EXPECT_FALSE(effect.source.empty()) << where;
      for (const Step& step : option.steps)
        EXPECT_FALSE(!step.files.empty() && step.undo.empty()) << where << ": " << step.title;
    }
    EXPECT_EQ(ids.size(), 8u);
    EXPECT_NE(all.front().viability, Viability::not_here) << "drawing in software is always possible";
  }
}

TEST_P(OptionsOfHosts, KeepTheirScreenIfAsked) {
  const host::Facts facts = facts_of(GetParam().host);
  for (const GuestSystem guest : {GuestSystem::linux, GuestSystem::macos, GuestSystem::windows}) {
    const std::vector<Option> all = options(facts, {.guest = guest, .keep_host_display = true});
    for (const Option& option : all) {
      EXPECT_FALSE(option.darkens_host) << option.id;
      for (const std::string& loss : option.losses) EXPECT_FALSE(loss.contains("goes dark")) << option.id;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(All, OptionsOfHosts, ::testing::ValuesIn(kCases), [](const auto& one) {
  std::string name = one.param.host;
  std::ranges::replace(name, '-', '_');
  return name;
});

TEST(Options, EveryHostHasARow) {
  std::set<std::string> rows;
  for (const Case& row : kCases) rows.insert(row.host);
  for (const auto& entry : std::filesystem::directory_iterator(kHosts))
    EXPECT_TRUE(entry.path().extension() != ".host" || rows.contains(entry.path().stem())) << entry.path();
  for (const std::string& row : rows) EXPECT_TRUE(std::filesystem::exists(kHosts / (row + ".host"))) << row;
}

// ---- What is refused, and why
// ----------------------------------------------------------------------------------------

struct RefusalCase {
  std::string host, gpu;
  std::vector<std::string> refusals;
  std::string words;
};

TEST(Options, PassthroughOfTheseHostsIsRefused) {
  const std::vector<RefusalCase> cases = {
      {"amd-desktop-one-gpu", "0b:00.0", {"screen.only-gpu"}, "only GPU"},
      {"xeon-rx580-no-igpu", "03:00.0", {}, ""},
      {"two-nvidia", "0a:00.0", {"screen.host", "in-use", "binding"}, "host's own screen"},
      {"two-nvidia", "42:00.0", {"binding"}, "driverctl"},
      {"nvidia-server-no-drm", "16:00.0", {}, ""},
      {"intel-laptop-hybrid", "01:00.0", {}, ""},
      {"iommu-off", "03:00.0", {"iommu.off"}, "does not use the IOMMU"},
      {"iommu-off-in-firmware", "03:00.0", {"iommu.firmware"}, "VT-d"},
      {"dirty-iommu-group", "05:00.0", {"group.not-clean"}, "0000:07:00.0 Ethernet Controller I225-V (driver igc)"},
      {"gpu-in-use", "01:00.0", {"in-use"}, "blender (4711)"},
      {"nvidia-vgpu", "41:00.0", {}, ""},
      {"arm-server-smmu", "000d:01:00.0", {}, ""},
      {"acs-override", "05:00.0", {}, ""},
      {"hybrid-muxless", "01:00.0", {}, ""},
  };
  for (const RefusalCase& expected : cases) {
    const auto plan = plan_passthrough(facts_of(expected.host), {.address = expected.gpu});
    ASSERT_TRUE(plan) << expected.host << ": " << plan.error().message;
    std::vector<std::string> ids;
    for (const Refusal& refusal : plan->refusals) ids.push_back(refusal.id);
    EXPECT_EQ(ids, expected.refusals) << expected.host;
    if (!ids.empty()) {
      EXPECT_THAT(plan->refusals.front().sentence, HasSubstr(expected.words)) << expected.host;
    }
  }
}

TEST(Options, AGpuThatWasAskedForIsTheOnlyOneConsidered) {
  const host::Facts facts = facts_of("acs-override");
  const auto all = options(facts, {.guest = GuestSystem::windows, .gpu = "0000:09:00.0"});
  EXPECT_EQ(option_of(all, "passthrough").gpu, "0000:09:00.0");
  const auto none = options(facts, {.guest = GuestSystem::windows, .gpu = "0000:77:00.0"});
  EXPECT_EQ(option_of(none, "passthrough").viability, Viability::not_here);
}

TEST(Options, MacosGuestsAreToldWhatIs) {
  const host::Facts facts = facts_of("xeon-rx580-no-igpu");
  const auto all = options(facts, {.guest = GuestSystem::macos});
  EXPECT_EQ(option_of(all, "hesper").viability, Viability::not_here);
  EXPECT_THAT(option_of(all, "hesper").because, HasSubstr("no virtio-gpu driver with 3D"));
  EXPECT_THAT(option_of(all, "passthrough").rests_on[1].sentence, HasSubstr("macOS has drivers for Polaris"));
  EXPECT_THAT(option_of(all, "relay").losses.front(), HasSubstr("does not draw"));
  EXPECT_GE(remarks(facts, {.guest = GuestSystem::macos}).size(), 5u);
  EXPECT_TRUE(remarks(facts, {.guest = GuestSystem::linux}).empty());
}

TEST(Options, AMuxlessGpuIsSaidToHaveNoMonitor) {
  const auto plan = plan_passthrough(facts_of("hybrid-muxless"), {.address = "01:00.0"});
  EXPECT_THAT(plan->warnings, Contains(HasSubstr("no connector")));
}

TEST(Options, GroupsThatWereTakenApartByForceAreSaidToBe) {
  const auto plan = plan_passthrough(facts_of("acs-override"), {.address = "05:00.0"});
  EXPECT_THAT(plan->warnings, Contains(HasSubstr("pcie_acs_override=")));
  EXPECT_THAT(plan->warnings, Contains(HasSubstr("Navi 10 is known not to come back")));
}

TEST(Options, ScriptsAskNothingAndNamesDoNotReachThem) {
  host::Facts facts = host_with_two_gpus();
  facts.gpus[1].name = "x\"; rm -rf / #\n`id`";
  for (const Option& option : options(facts, {.guest = GuestSystem::windows})) {
    const std::string script = script_of(option.steps, option.title);
    for (const Step& step : option.steps)
      for (const std::string& command : step.commands) EXPECT_FALSE(command.contains("rm -rf /")) << script;
  }
}

}  // namespace
}  // namespace hesper::advice
