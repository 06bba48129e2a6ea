// What speaks against giving a GPU away, and what is done if nothing does.
#include "advice/passthrough.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <string>

#include "advice/gpu_hosts.h"
#include "advice/kernel_line.h"

namespace hesper::advice {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr const char* kNvidia = "0000:01:00.0";

std::vector<std::string> ids_of(const PassthroughPlan& plan) {
  std::vector<std::string> ids;
  for (const Refusal& refusal : plan.refusals) ids.push_back(refusal.id);
  return ids;
}

struct Case {
  std::string name;
  std::function<void(host::Facts&, PassthroughQuestion&)> spoil;
  std::vector<std::string> refusals;
  std::string words = {};  // of the first one's sentence
};

class Refusals : public ::testing::TestWithParam<Case> {};

TEST_P(Refusals, AreThese) {
  host::Facts facts = host_with_two_gpus();
  PassthroughQuestion question{.address = kNvidia};
  GetParam().spoil(facts, question);
  const auto plan = plan_passthrough(facts, question);
  ASSERT_TRUE(plan) << plan.error().message;
  EXPECT_EQ(ids_of(*plan), GetParam().refusals);
  if (!GetParam().words.empty()) {
    EXPECT_THAT(plan->refusals.front().sentence, HasSubstr(GetParam().words));
  }
}

const std::vector<Case> kCases = {
    {"Nothing", [](auto&, auto&) {}, {}},
    {"IommuOff", [](host::Facts& facts, auto&) { facts.iommu.on = known(false); }, {"iommu.off"}, "does not use"},
    {"IommuOffInFirmware",
     [](host::Facts& facts, auto&) { facts.iommu.on = facts.iommu.firmware = known(false); },
     {"iommu.firmware"},
     "VT-d"},
    {"IommuUnknown",
     [](host::Facts& facts, auto&) { facts.iommu.on = unknown<bool>("It cannot be read."); },
     {"iommu.unknown"},
     "It cannot be read."},
    {"GroupNotClean",
     [](host::Facts& facts, auto&) {
       facts.iommu.groups[1].functions.push_back(function("0000:02:00.0", 0x8086, 0x15f3, "igc", 1));
     },
     {"group.not-clean"},
     "0000:02:00.0 a device (driver igc)"},
    {"OnlyGpu",
     [](host::Facts& facts, auto&) { facts.gpus.erase(facts.gpus.begin()); },
     {"screen.only-gpu"},
     "only GPU"},
    {"OnlyGpuConfirmed",
     [](host::Facts& facts, PassthroughQuestion& question) {
       facts.gpus.erase(facts.gpus.begin());
       question.remote_access_confirmed = true;
     },
     {}},
    {"OnlyGpuFromSsh",
     [](host::Facts& facts, auto&) {
       facts.gpus.erase(facts.gpus.begin());
       facts.services.ssh_server = facts.services.ssh_session = known(true);
     },
     {}},
    {"SshServerButNobodyInIt",
     [](host::Facts& facts, auto&) {
       facts.gpus.erase(facts.gpus.begin());
       facts.services.ssh_server = known(true);
     },
     {"screen.only-gpu"}},
    {"HostScreen",
     [](host::Facts& facts, auto&) {
       facts.gpus[0].boot_vga = known(false);
       facts.gpus[1].boot_vga = known(true);
     },
     {"screen.host"},
     "host's own screen"},
    {"InUse",
     [](host::Facts& facts, auto&) { facts.gpus[1].users = {"Xorg (1234)", "blender (99)"}; },
     {"in-use"},
     "Xorg (1234), blender (99)"},
    {"BoundToVfioAndOpen",
     [](host::Facts& facts, auto&) {
       facts.gpus[1].driver = known<std::string>("vfio-pci");
       facts.gpus[1].users = {"qemu-system-x86 (7)"};
     },
     {}},
    {"NoVfio", [](host::Facts& facts, auto&) { facts.passthrough.vfio_module = known(false); }, {"vfio.module"}},
    {"SameIdStays",
     [](host::Facts& facts, auto&) {
       facts.gpus.push_back(facts.gpus[1]);
       facts.gpus.back().pci->address = "0000:05:00.0";
       facts.gpus.back().siblings.clear();
     },
     {"binding"},
     "driverctl"},
    {"SameIdStaysWithDriverctl",
     [](host::Facts& facts, auto&) {
       facts.gpus.push_back(facts.gpus[1]);
       facts.gpus.back().pci->address = "0000:05:00.0";
       facts.passthrough.driverctl = known(true);
     },
     {}},
    {"Container",
     [](host::Facts& facts, auto&) { facts.system.surroundings = known(host::Surroundings::container); },
     {"surroundings"}},
    {"SeveralReasons",
     [](host::Facts& facts, auto&) {
       facts.iommu.on = known(false);
       facts.gpus.erase(facts.gpus.begin());
       facts.gpus[0].users = {"Xorg (1)"};
     },
     {"iommu.off", "screen.only-gpu", "in-use"}},
};
INSTANTIATE_TEST_SUITE_P(Passthrough, Refusals, ::testing::ValuesIn(kCases),
                         [](const auto& one) { return one.param.name; });

TEST(Passthrough, NamesTheGpusThatAreThere) {
  const auto plan = plan_passthrough(host_with_two_gpus(), {.address = "0000:07:00.0"});
  ASSERT_FALSE(plan);
  EXPECT_THAT(plan.error().message, HasSubstr("NVIDIA GeForce RTX 3070 (0000:01:00.0)"));
}

TEST(Passthrough, TakesAShortAddress) {
  const auto plan = plan_passthrough(host_with_two_gpus(), {.address = "01:00.0"});
  ASSERT_TRUE(plan);
  EXPECT_EQ(plan->address, kNvidia);
}

TEST(Passthrough, BindsAllFunctionsById) {
  const auto plan = plan_passthrough(host_with_two_gpus(), {.address = kNvidia});
  ASSERT_TRUE(plan);
  ASSERT_EQ(plan->functions.size(), 2u);
  ASSERT_GE(plan->binding.files.size(), 2u);
  EXPECT_EQ(plan->binding.files[0].path, "/etc/modprobe.d/hesper-vfio-0000-01-00-0.conf");
  EXPECT_THAT(plan->binding.files[0].contents, HasSubstr("options vfio-pci ids=10de:2484,10de:228b\n"));
  for (const char* driver : {"nouveau", "nvidia", "snd_hda_intel"})
    EXPECT_THAT(plan->binding.files[0].contents, HasSubstr(std::string("softdep ") + driver + " pre: vfio-pci\n"));
  EXPECT_EQ(plan->binding.files[1].mode, 0755u) << "initramfs-tools runs its hooks";
  EXPECT_THAT(plan->binding.commands, ElementsAre("sudo update-initramfs -u -k all"));
  EXPECT_THAT(plan->binding.undo, ElementsAre("sudo rm -f /etc/initramfs-tools/hooks/hesper-vfio-0000-01-00-0",
                                              "sudo rm -f /etc/modprobe.d/hesper-vfio-0000-01-00-0.conf",
                                              "sudo update-initramfs -u -k all"));
}

TEST(Passthrough, PrefersDriverctl) {
  host::Facts facts = host_with_two_gpus();
  facts.passthrough.driverctl = known(true);
  const auto plan = plan_passthrough(facts, {.address = kNvidia});
  ASSERT_TRUE(plan);
  EXPECT_THAT(plan->binding.commands, ElementsAre("sudo driverctl --noprobe set-override 0000:01:00.0 vfio-pci",
                                                  "sudo driverctl --noprobe set-override 0000:01:00.1 vfio-pci"));
  EXPECT_THAT(plan->binding.undo, ElementsAre("sudo driverctl --noprobe unset-override 0000:01:00.1",
                                              "sudo driverctl --noprobe unset-override 0000:01:00.0"));
}

TEST(Passthrough, UntilTheNextBootItWritesToTheKernelOnly) {
  const auto plan = plan_passthrough(host_with_two_gpus(), {.address = kNvidia, .binding = Binding::now});
  ASSERT_TRUE(plan);
  EXPECT_THAT(plan->binding.files, IsEmpty());
  EXPECT_THAT(plan->binding.commands,
              Contains("echo vfio-pci | sudo tee /sys/bus/pci/devices/0000:01:00.0/driver_override >/dev/null"));
  EXPECT_EQ(plan->binding.undo.back(), "echo 0000:01:00.0 | sudo tee /sys/bus/pci/drivers_probe >/dev/null");
}

TEST(Passthrough, NamesOfTheHostsFilesDoNotReachTheShell) {
  host::Facts facts = host_with_two_gpus();
  facts.gpus[1].modules = {"x; rm -rf /", "nvidia\nsoftdep"};
  facts.gpus[1].pci->driver = "$(id)";
  facts.gpus[1].siblings.front().address = "0000:01:00.1; reboot";
  const auto plan = plan_passthrough(facts, {.address = kNvidia});
  ASSERT_TRUE(plan);
  const std::string script = script_of({plan->binding}, "t");
  EXPECT_EQ(script.find("rm -rf"), std::string::npos);
  EXPECT_EQ(script.find("$(id)"), std::string::npos);
  EXPECT_EQ(script.find("reboot;"), std::string::npos);
  EXPECT_EQ(plan->functions.size(), 1u) << "an address that is none";
}

TEST(Passthrough, ABootGpuGetsARomAndAWarning) {
  host::Facts facts = host_with_two_gpus();
  facts.gpus.erase(facts.gpus.begin());
  facts.gpus[0].boot_vga = known(true);
  facts.gpus[0].pci->has_rom = true;
  const auto plan = plan_passthrough(facts, {.address = kNvidia, .remote_access_confirmed = true});
  ASSERT_TRUE(plan);
  EXPECT_EQ(plan->device.rom, "/var/lib/hesper/0000:01:00.0.rom");
  EXPECT_THAT(plan->warnings, Contains(HasSubstr("goes dark")));
  EXPECT_THAT(qemu_arguments(plan->device), Contains(HasSubstr("romfile=/var/lib/hesper/0000:01:00.0.rom")));
  EXPECT_THAT(libvirt_hostdevs(plan->device), HasSubstr("<rom file='/var/lib/hesper/0000:01:00.0.rom'/>"));
}

TEST(Passthrough, OnlyOldNvidiaCardsHideTheHypervisor) {
  host::Facts facts = host_with_two_gpus();
  EXPECT_FALSE(plan_passthrough(facts, {.address = kNvidia})->device.hide_hypervisor);
  facts.gpus[1].pci->device = 0x1080;  // GTX 580
  const auto plan = plan_passthrough(facts, {.address = kNvidia});
  EXPECT_TRUE(plan->device.hide_hypervisor);
  EXPECT_THAT(qemu_arguments(plan->device), Contains("host,kvm=off"));
  EXPECT_THAT(libvirt_elsewhere(plan->device), HasSubstr("<hidden state='on'/>"));
}

TEST(Passthrough, LargeBarsGetAWindow) {
  host::Facts facts = host_with_two_gpus();
  EXPECT_THAT(qemu_arguments(plan_passthrough(facts, {.address = kNvidia})->device), Not(Contains("-fw_cfg")));
  facts.gpus[1].pci->bars = {16u << 20, std::uint64_t{24} << 30};
  EXPECT_THAT(qemu_arguments(plan_passthrough(facts, {.address = kNvidia})->device),
              Contains("name=opt/ovmf/X-PciMmio64Mb,string=65536"));
}

TEST(Passthrough, CardsThatDoNotComeBackAreNamed) {
  host::Facts facts = host_with_two_gpus();
  facts.gpus[1].pci = function(kNvidia, 0x1002, 0x67df, "amdgpu", 1);  // RX 580
  facts.gpus[1].pci->reset_methods = {"pm", "bus"};
  const auto plan = plan_passthrough(facts, {.address = kNvidia});
  ASSERT_TRUE(plan);
  EXPECT_THAT(plan->warnings, Contains(HasSubstr("Polaris is known not to come back")));
  EXPECT_THAT(plan->also.front().title, HasSubstr("vendor-reset"));
  facts.gpus[1].pci->device = 0x73bf;  // RX 6800
  facts.gpus[1].pci->reset_methods = {"flr", "bus"};
  EXPECT_THAT(plan_passthrough(facts, {.address = kNvidia})->warnings, IsEmpty());
}

TEST(Passthrough, AcsOverrideIsNotTrusted) {
  host::Facts facts = host_with_two_gpus();
  facts.iommu.acs_override = known(true);
  EXPECT_THAT(plan_passthrough(facts, {.address = kNvidia})->warnings, Contains(HasSubstr("pcie_acs_override")));
}

// ---- Steps to an IOMMU, by boot loader
// -------------------------------------------------------------------------------

struct LoaderCase {
  std::string name, distribution, loader, command, undo;
};
class Loaders : public ::testing::TestWithParam<LoaderCase> {};

TEST_P(Loaders, GetTheWords) {
  host::Facts facts = host_with_two_gpus();
  facts.iommu.on = known(false);
  facts.iommu.asked = known<std::string>("");
  facts.system.distribution = known(GetParam().distribution);
  facts.system.boot_loader = known(GetParam().loader);
  const std::vector<Step> steps = steps_to_iommu(facts);
  ASSERT_EQ(steps.size(), 1u);
  EXPECT_EQ(steps[0].takes, Takes::reboot);
  EXPECT_THAT(steps[0].commands, Contains(GetParam().command));
  if (!GetParam().undo.empty()) {
    EXPECT_THAT(steps[0].undo, Contains(GetParam().undo));
  }
}

INSTANTIATE_TEST_SUITE_P(
    KernelLine, Loaders,
    ::testing::Values(
        LoaderCase{"DebianGrub", "debian", "grub", "sudo update-grub",
                   "sudo rm -f /etc/default/grub.d/hesper-iommu.cfg"},
        LoaderCase{"FedoraGrub", "fedora", "grub", "sudo grubby --update-kernel=ALL --args='intel_iommu=on iommu=pt'",
                   "sudo grubby --update-kernel=ALL --remove-args='intel_iommu=on iommu=pt'"},
        LoaderCase{"ArchGrub", "arch", "grub", "sudo grub-mkconfig -o /boot/grub/grub.cfg", ""},
        LoaderCase{"SuseGrub", "opensuse-tumbleweed", "grub", "sudo grub2-mkconfig -o /boot/grub2/grub.cfg", ""},
        LoaderCase{"ArchSystemd", "arch", "systemd-boot",
                   "sudo sed -i -E 's/^options .*/& intel_iommu=on iommu=pt/' /boot/loader/entries/*.conf",
                   "sudo sed -i -E '/^options /s/ intel_iommu=on iommu=pt//' /boot/loader/entries/*.conf"},
        LoaderCase{"Silverblue", "fedora", "ostree", "sudo rpm-ostree kargs --append=intel_iommu=on --append=iommu=pt",
                   "sudo rpm-ostree kargs --delete=intel_iommu=on --delete=iommu=pt"},
        LoaderCase{"PopOs", "pop", "systemd-boot", "sudo kernelstub --add-options 'intel_iommu=on iommu=pt'",
                   "sudo kernelstub --delete-options 'intel_iommu=on iommu=pt'"},
        LoaderCase{"RaspberryPi", "debian", "raspberry-pi",
                   "sudo sed -i -E '1s/$/ intel_iommu=on iommu=pt/' /boot/firmware/cmdline.txt",
                   "sudo sed -i -E '1s/ intel_iommu=on iommu=pt//' /boot/firmware/cmdline.txt"}),
    [](const auto& one) { return one.param.name; });

TEST(KernelLine, AWordThatSwitchesTheIommuOffIsTakenAway) {
  host::Facts facts = host_with_two_gpus();
  facts.processor.vendor = known<std::string>("AuthenticAMD");
  facts.iommu.kind = known<std::string>("amd");
  facts.iommu.on = known(false);
  facts.iommu.asked = known<std::string>("amd_iommu=off");
  const std::vector<Step> steps = steps_to_iommu(facts);
  ASSERT_EQ(steps.size(), 1u) << "AMD's is on by itself";
  EXPECT_THAT(steps[0].title, HasSubstr("amd_iommu=off"));
}

TEST(KernelLine, EachGeneratorOfInitramfsHasItsFile) {
  host::OperatingSystem system;
  for (const auto& [generator, path] :
       {std::pair{"initramfs-tools", "/etc/initramfs-tools/hooks/n"}, std::pair{"dracut", "/etc/dracut.conf.d/n.conf"},
        std::pair{"mkinitcpio", "/etc/mkinitcpio.conf.d/n.conf"}}) {
    system.initramfs = known<std::string>(generator);
    const auto initramfs = initramfs_with(system, "n", "vfio-pci");
    ASSERT_TRUE(initramfs) << generator;
    EXPECT_EQ(initramfs->file.path, path);
  }
  system.initramfs = known<std::string>("booster");
  EXPECT_FALSE(initramfs_with(system, "n", "vfio-pci"));
}

}  // namespace
}  // namespace hesper::advice
