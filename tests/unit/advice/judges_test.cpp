// What each judge says of one fact that is not as it should be. Whole hosts are in hosts_test.cpp.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "advice/access.h"
#include "advice/findings.h"
#include "healthy_host.h"

namespace hesper::advice {
namespace {

using host::Facts;
using host::Surroundings;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

// The ids of all findings that are not ok, in their order.
std::vector<std::string> troubles(const Facts& facts) {
  std::vector<std::string> ids;
  for (const Finding& finding : findings(facts))
    if (finding.severity != Severity::ok) ids.push_back(finding.id);
  return ids;
}

Finding find(const Facts& facts, std::string_view id) {
  for (Finding& finding : findings(facts))
    if (finding.id == id) return std::move(finding);
  ADD_FAILURE() << "No finding " << id;
  return {};
}

Verdict verdict(const Facts& facts) { return verdict_of(facts, findings(facts)); }

std::string commands(const Finding& finding) {
  std::string text;
  for (const Step& step : finding.steps)
    for (const std::string& command : step.commands) text += command + '\n';
  return text;
}

TEST(Findings, HealthyHostHasFullAcceleration) {
  const Facts facts = healthy_host();
  EXPECT_THAT(troubles(facts), IsEmpty());
  const Verdict all = verdict(facts);
  EXPECT_EQ(all.acceleration, Acceleration::full);
  EXPECT_TRUE(all.certain);
  EXPECT_EQ(all.reason, "Guest code runs on KVM, Vulkan on AMD Radeon RX 7900 XTX (RADV NAVI31).");
}

TEST(Findings, EveryFindingIsComplete) {
  Facts spoiled = healthy_host();
  spoiled.accelerators.kvm_opens = known(false);
  spoiled.gpus[0].nodes[1].may_open = known(false);
  spoiled.qemus.clear();
  for (const Facts& facts : {healthy_host(), spoiled, Facts{}}) {
    for (const Finding& finding : findings(facts)) {
      EXPECT_FALSE(finding.id.empty());
      EXPECT_FALSE(finding.sentence.empty()) << finding.id;
      EXPECT_EQ(finding.because.empty(), finding.leaves == Acceleration::full) << finding.id;
      EXPECT_EQ(finding.severity == Severity::blocks, finding.leaves == Acceleration::none) << finding.id;
      EXPECT_TRUE(finding.severity != Severity::ok || finding.leaves == Acceleration::full) << finding.id;
    }
  }
}

TEST(Findings, UnknownFactsAreNeitherFineNorBroken) {
  Facts facts = healthy_host();
  facts.accelerators.kvm_works = unknown<bool>("The self-test was not run.");
  facts.services.user_namespaces = unknown<bool>("The file vanished.");
  EXPECT_THAT(troubles(facts), ElementsAre("kvm.untested", "sandbox.unknown"));
  EXPECT_EQ(find(facts, "kvm.untested").sentence, "Whether KVM runs guest code is unknown: The self-test was not run.");
  EXPECT_EQ(verdict(facts).acceleration, Acceleration::full);
  EXPECT_FALSE(verdict(facts).certain);
}

TEST(Findings, VerdictNamesEveryCauseOfTheWorstKind) {
  Facts facts = healthy_host();
  facts.accelerators.kvm_works = known(false);
  facts.accelerators.kvm_verdict = "KVM is there, but too slow.";
  facts.vulkan.devices = known<std::vector<host::VulkanDevice>>(
      {{.name = "llvmpipe", .kind = "cpu", .usable = true, .guest_usable = true}});
  EXPECT_EQ(verdict(facts).reason,
            "Guest code is emulated, as KVM here does not run all that a kernel does; Vulkan is computed by the "
            "processor.");
  facts.qemus.clear();
  EXPECT_EQ(verdict(facts).acceleration, Acceleration::none);
  EXPECT_EQ(verdict(facts).reason, "QEMU is missing.");
}

TEST(Findings, StepsAreListedOnce) {
  Facts facts = healthy_host();
  facts.gpus.push_back(healthy_gpu());
  for (host::Gpu& gpu : facts.gpus) gpu.nodes[1].may_open = known(false);
  facts.gpus[1].nodes[1].path = "/dev/dri/renderD129";
  const auto all = findings(facts);
  EXPECT_EQ(std::ranges::count(all, "gpu.permission", &Finding::id), 2);
  EXPECT_EQ(steps_of(all).size(), 1U);
}

// ---- Accelerators ---------------------------------------------------------------------------------------------------

TEST(JudgeAccelerator, PermissionNamesUserAndGroup) {
  Facts facts = healthy_host();
  facts.accelerators.kvm_opens = known(false);
  EXPECT_EQ(commands(find(facts, "kvm.permission")), "sudo usermod -aG kvm alice\n");
  facts.user.name = "al ice";
  EXPECT_EQ(commands(find(facts, "kvm.permission")), "sudo usermod -aG kvm 'al ice'\n");
  facts.user.name = "-x";
  EXPECT_THAT(find(facts, "kvm.permission").steps, IsEmpty()) << "would be an option";
}

TEST(JudgeAccelerator, NodeOfRootsGroupGetsARule) {
  Facts facts = healthy_host();
  facts.accelerators.kvm_opens = known(false);
  facts.accelerators.kvm_group = known<std::string>("root");
  const Finding finding = find(facts, "kvm.permission");
  ASSERT_EQ(finding.steps.size(), 1U);
  ASSERT_EQ(finding.steps[0].files.size(), 1U);
  EXPECT_EQ(finding.steps[0].files[0].contents, "KERNEL==\"kvm\", GROUP=\"kvm\", MODE=\"0660\"\n");
  EXPECT_THAT(commands(finding), HasSubstr("sudo usermod -aG kvm alice\n"));
}

TEST(JudgeAccelerator, RootIsNotSentIntoGroups) {
  Facts facts = healthy_host();
  facts.user = {.name = "root", .id = 0, .groups = {"root"}};
  facts.accelerators.kvm_opens = known(false);
  EXPECT_THAT(find(facts, "kvm.permission").steps, IsEmpty());
  EXPECT_THAT(find(facts, "kvm.permission").note, HasSubstr("Not even root"));
}

TEST(JudgeAccelerator, MissingKvmIsExplainedByWhereThisRuns) {
  struct Case {
    const char* id;
    Surroundings surroundings;
    const char* virtualization;
    bool module;
    const char* command;
  };
  const Case cases[] = {
      {"kvm.firmware", Surroundings::bare, "", false, "firmware-setup"},
      {"kvm.module", Surroundings::bare, "svm", true, "modprobe kvm_amd"},
      {"kvm.module", Surroundings::virtual_machine, "vmx", false, "modprobe kvm_intel"},
      {"kvm.nested_off", Surroundings::virtual_machine, "", false, "nested"},
      {"kvm.container", Surroundings::container, "vmx", true, "--device /dev/kvm"},
      {"kvm.wsl", Surroundings::wsl, "", false, "nestedVirtualization=true"},
  };
  for (const Case& each : cases) {
    Facts facts = healthy_host();
    facts.accelerators.kvm_exists = known(false);
    facts.accelerators.kvm_opens = facts.accelerators.kvm_works = {};
    facts.accelerators.kvm_module = known(each.module);
    facts.system.surroundings = known(each.surroundings);
    facts.processor.virtualization = known<std::string>(each.virtualization);
    EXPECT_THAT(troubles(facts), ElementsAre(each.id));
    EXPECT_THAT(commands(find(facts, each.id)), HasSubstr(each.command));
    EXPECT_EQ(verdict(facts).acceleration, Acceleration::reduced);
  }
}

TEST(JudgeAccelerator, NodeWithNothingBehindItIsNoMatterOfPermission) {
  Facts facts = healthy_host();
  facts.accelerators.kvm_opens = known(false);
  facts.accelerators.kvm_opens.why = "'/dev/kvm' cannot be used: No such device";
  facts.accelerators.kvm_works = known(false);
  facts.processor.virtualization = known<std::string>("");
  EXPECT_THAT(troubles(facts), ElementsAre("kvm.firmware"));
  facts.accelerators.kvm_opens.why = "'/dev/kvm' cannot be used: Permission denied";
  EXPECT_THAT(troubles(facts), ElementsAre("kvm.permission"));
}

TEST(JudgeAccelerator, UnknownVirtualizationBlamesNothing) {
  Facts facts = healthy_host();
  facts.accelerators.kvm_exists = known(false);
  facts.processor.virtualization = unknown<std::string>("/proc/cpuinfo is empty.");
  EXPECT_THAT(troubles(facts), ElementsAre("kvm.missing"));
}

Facts mac() {
  Facts facts = healthy_host();
  facts.system.kind = platform::System::macos;
  facts.system.distribution = known<std::string>("macos");
  facts.system.architecture = known<std::string>("aarch64");
  facts.accelerators = {};
  facts.accelerators.hvf_supported = known(true);
  facts.accelerators.hvf_entitled = known(true);
  facts.qemus[0].program = "/opt/homebrew/bin/qemu-system-aarch64";
  facts.qemus[0].architecture = vm::Architecture::aarch64;
  facts.gpus = {{.name = "Apple M2", .vendor = "Apple", .driver = known<std::string>("AGXAcceleratorG14G")}};
  return facts;
}

TEST(JudgeAccelerator, QemuWithoutEntitlementIsSignedAndSipIsTheLastResort) {
  Facts facts = mac();
  EXPECT_THAT(troubles(facts), ElementsAre("system.untried"));
  facts.accelerators.hvf_entitled = known(false);
  EXPECT_THAT(troubles(facts), ElementsAre("system.untried", "hvf.entitlement"));
  facts.accelerators.hvf_verdict = "qemu-system-aarch64: Error: ret = HV_DENIED (0xfae94007)";
  const Finding finding = find(facts, "hvf.denied");
  EXPECT_THAT(commands(finding),
              HasSubstr("codesign --force --sign - --entitlements hypervisor.entitlements /opt/homebrew/bin/qemu-"));
  EXPECT_THAT(finding.note, HasSubstr("last resort: csrutil disable"));
  EXPECT_THAT(finding.note, HasSubstr("Do not switch it off"));
  EXPECT_EQ(verdict(facts).acceleration, Acceleration::reduced);
}

TEST(JudgeAccelerator, MacWithoutHypervisorIsNotToldToSign) {
  Facts facts = mac();
  facts.accelerators.hvf_supported = known(false);
  facts.accelerators.hvf_entitled = known(false);
  EXPECT_THAT(troubles(facts), ElementsAre("system.untried", "hvf.unsupported"));
}

// ---- QEMU -----------------------------------------------------------------------------------------------------------

TEST(JudgeQemu, OldVersionsAreNotAlsoBlamedForWhatTheyLack) {
  Facts facts = healthy_host();
  facts.qemus[0].version = known<std::string>("10.0.2");
  facts.qemus[0].shared_memory_window = known(false);
  EXPECT_THAT(troubles(facts), ElementsAre("qemu.too_old"));
  EXPECT_THAT(commands(find(facts, "qemu.too_old")), HasSubstr("-t trixie-backports qemu-system-x86"));
  EXPECT_EQ(verdict(facts).reason, "QEMU 10.0.2 is too old.");
}

TEST(JudgeQemu, VersionsAreComparedAsNumbers) {
  for (const auto& [version, fine] :
       {std::pair("9.2.0", false), {"11.0.50", false}, {"11.1.0", true}, {"12.0", true}}) {
    Facts facts = healthy_host();
    facts.qemus[0].version = known<std::string>(version);
    EXPECT_EQ(troubles(facts).empty(), fine) << version;
  }
}

TEST(JudgeQemu, MissingDeviceBlocksAndMissingFirmwareDoesNot) {
  Facts facts = healthy_host();
  facts.qemus[0].firmware = unknown<std::filesystem::path>("No OVMF in /usr/share.");
  EXPECT_THAT(troubles(facts), ElementsAre("qemu.no_firmware"));
  EXPECT_EQ(verdict(facts).acceleration, Acceleration::full);
  facts.qemus[0].vhost_user_device = known(false);
  EXPECT_EQ(verdict(facts).acceleration, Acceleration::none);
}

TEST(JudgeQemu, OnlyTheOneOfTheHostsArchitectureCounts) {
  Facts facts = healthy_host();
  facts.qemus[0].architecture = vm::Architecture::aarch64;
  EXPECT_THAT(troubles(facts), ElementsAre("qemu.missing"));
}

// ---- GPUs and Vulkan ------------------------------------------------------------------------------------------------

TEST(JudgeGpus, ClosedNodeIsTheCauseOfSoftwareRendering) {
  Facts facts = healthy_host();
  facts.gpus[0].nodes[1].may_open = known(false);
  facts.vulkan.devices = known<std::vector<host::VulkanDevice>>(
      {{.name = "llvmpipe", .kind = "cpu", .usable = true, .guest_usable = true}});
  EXPECT_THAT(troubles(facts), ElementsAre("gpu.permission", "vulkan.software"));
  EXPECT_EQ(commands(find(facts, "gpu.permission")), "sudo usermod -aG render alice\n");
  EXPECT_THAT(find(facts, "vulkan.software").steps, IsEmpty()) << "its driver is there";
  EXPECT_THAT(verdict(facts).reason, HasSubstr("You may not use the GPU's render node"));
}

TEST(JudgeGpus, OneGpuThatWorksIsEnoughForFullAcceleration) {
  Facts facts = healthy_host();
  facts.gpus.push_back(healthy_gpu());
  facts.gpus[1].driver = known<std::string>("");
  facts.gpus[1].modules = {"nouveau"};
  EXPECT_THAT(troubles(facts), ElementsAre("gpu.no_driver"));
  EXPECT_EQ(commands(find(facts, "gpu.no_driver")), "sudo modprobe nouveau\n");
  EXPECT_EQ(verdict(facts).acceleration, Acceleration::full);
}

TEST(JudgeGpus, GpuSetAsideForGuestsIsNoTrouble) {
  Facts facts = healthy_host();
  facts.gpus.push_back(healthy_gpu());
  facts.gpus[1].driver = known<std::string>("vfio-pci");
  facts.gpus[1].nodes.clear();
  EXPECT_THAT(troubles(facts), IsEmpty());
}

TEST(JudgeVulkan, LoaderDriversAndDevicesAreMissedOneAfterTheOther) {
  Facts facts = healthy_host();
  facts.vulkan.devices = known<std::vector<host::VulkanDevice>>({});
  EXPECT_THAT(troubles(facts), ElementsAre("vulkan.no_device"));
  facts.vulkan.icds.clear();
  EXPECT_THAT(troubles(facts), ElementsAre("vulkan.no_driver"));
  facts.vulkan.loader = unknown<std::filesystem::path>("libvulkan.so.1 is in no folder of the linker's.");
  EXPECT_THAT(troubles(facts), ElementsAre("vulkan.no_loader"));
  EXPECT_EQ(commands(find(facts, "vulkan.no_loader")), "sudo apt-get install -y libvulkan1 mesa-vulkan-drivers\n");
}

TEST(JudgeVulkan, BrokenManifestsOfPackagesAreReinstalledAndOthersPutAside) {
  Facts facts = healthy_host();
  facts.vulkan.icds[0].problem = "It is no JSON.";
  EXPECT_THAT(commands(find(facts, "vulkan.icd_broken")), HasSubstr("--reinstall mesa-vulkan-drivers"));
  facts.vulkan.icds[0].manifest = "/etc/vulkan/icd.d/my own.json";
  const Finding finding = find(facts, "vulkan.icd_broken");
  EXPECT_EQ(commands(finding), "sudo mv '/etc/vulkan/icd.d/my own.json' '/etc/vulkan/icd.d/my own.json.off'\n");
  EXPECT_THAT(finding.steps[0].undo,
              ElementsAre("sudo mv '/etc/vulkan/icd.d/my own.json.off' '/etc/vulkan/icd.d/my own.json'"));
}

TEST(JudgeVulkan, DriversThatPinMemoryAreFine) {
  Facts facts = healthy_host();
  facts.vulkan.devices.value->front().memory_moves = false;
  EXPECT_THAT(troubles(facts), IsEmpty());
  EXPECT_THAT(find(facts, "vulkan.device").note, HasSubstr("pins memory"));
}

TEST(JudgeVulkan, TrialThatFailsBlocks) {
  Facts facts = healthy_host();
  facts.vulkan.devices = unknown<std::vector<host::VulkanDevice>>("A Vulkan driver ends the probe by signal 11.");
  EXPECT_THAT(troubles(facts), ElementsAre("vulkan.fails"));
  EXPECT_THAT(find(facts, "vulkan.fails").sentence, HasSubstr("by signal 11."));
}

TEST(JudgeVulkan, UnusableDevicesSayWhy) {
  Facts facts = healthy_host();
  facts.vulkan.devices.value->front().guest_usable = false;
  facts.vulkan.devices.value->front().guest_reason = "Its driver is older than Vulkan 1.1.";
  EXPECT_THAT(find(facts, "vulkan.no_device").sentence, HasSubstr("Its driver is older than Vulkan 1.1."));
  EXPECT_EQ(verdict(facts).acceleration, Acceleration::none);
}

// ---- The rest -------------------------------------------------------------------------------------------------------

TEST(JudgeMemory, LargerPagesThanGuestsHaveAreTold) {
  Facts facts = healthy_host();
  facts.memory.page_size = known(16384U);
  EXPECT_THAT(troubles(facts), ElementsAre("memory.page_size"));
  EXPECT_EQ(verdict(facts).acceleration, Acceleration::full);
}

TEST(JudgeMemory, StrictAccountingAndLittleMemoryAreTold) {
  Facts facts = healthy_host();
  facts.memory.available = known(std::uint64_t{1} << 30);
  facts.limits.overcommit = known(std::uint64_t{2});
  EXPECT_THAT(troubles(facts), ElementsAre("memory.little", "memory.overcommit"));
}

TEST(JudgeConfinement, RemedyFitsWhatForbidsNamespaces) {
  Facts facts = healthy_host();
  auto& namespaces = facts.services.user_namespaces;
  namespaces = known(false, "unshare --user --map-root-user true");
  namespaces.why = "unshare: write failed /proc/self/uid_map: Operation not permitted";
  EXPECT_EQ(commands(find(facts, "sandbox.no_namespaces")),
            "sudo sysctl kernel.apparmor_restrict_unprivileged_userns=0\n");
  namespaces.why = "unshare: unshare failed: No space left on device";
  EXPECT_EQ(commands(find(facts, "sandbox.no_namespaces")), "sudo sysctl user.max_user_namespaces=15000\n");
  namespaces.why = "unshare: unshare failed: Operation not permitted";
  EXPECT_EQ(commands(find(facts, "sandbox.no_namespaces")), "sudo sysctl kernel.unprivileged_userns_clone=1\n");
}

TEST(JudgeConfinement, FewFilesAreTold) {
  Facts facts = healthy_host();
  facts.limits.nofile = known(std::uint64_t{4096});
  const Finding finding = find(facts, "limits.few_files");
  ASSERT_EQ(finding.steps.size(), 1U);
  EXPECT_EQ(finding.steps[0].files.at(0).contents, "alice hard nofile 524288\n");
}

}  // namespace
}  // namespace hesper::advice
