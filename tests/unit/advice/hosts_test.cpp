// Every host of tests/hosts: what is found out about it that is not as it should be, and what hesper run would have.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <ostream>
#include <random>
#include <string>
#include <vector>

#include "advice/findings.h"
#include "host/description.h"
#include "host/gather.h"

namespace hesper::advice {
namespace {

struct Case {
  std::string host;
  Acceleration verdict;
  std::vector<std::string> troubles;  // ids of all findings that are not ok, in their order
  std::vector<std::string> words;     // of sentences, reasons and commands
};

void PrintTo(const Case& each, std::ostream* stream) { *stream << each.host; }

const std::vector<Case>& cases() {
  using enum Acceleration;
  static const std::vector<Case> all = {
      {"acs-override", full, {}, {"AMD Radeon RX 7900 XTX (RADV NAVI31)"}},
      {"amd-desktop-one-gpu", full, {}, {"AMD Radeon RX 6800 (RADV NAVI21)"}},
      {"apple-m-with-entitlement",
       full,
       {"system.untried", "memory.page_size"},
       {"HVF is there, and QEMU is signed for it", "Apple M2 (MoltenVK 1.4.0)", "portability driver"}},
      {"apple-m-without-entitlement",
       reduced,
       {"system.untried", "memory.page_size", "hvf.denied"},
       {"HV_DENIED", "codesign --force --sign - --entitlements", "last resort: csrutil disable"}},
      {"apple-m2", full, {"system.untried", "memory.page_size"}, {"HVF is there"}},
      {"arm-server-smmu", full, {}, {"NVIDIA A100-PCIE-80GB"}},
      {"asahi-16k",
       full,
       {"memory.page_size"},
       {"KVM runs guest code", "Apple M1 (G13G B1)", "a kernel for pages of 16 KiB"}},
      {"broken-icd-json",
       full,
       {"vulkan.icd_broken", "vulkan.icd_broken"},
       {"It is no JSON", "sudo mv /etc/vulkan/icd.d/amd_icd64.json /etc/vulkan/icd.d/amd_icd64.json.off",
        "'libGLX_nvidia.so.0' is not there"}},
      {"container-without-dri",
       reduced,
       {"kvm.container", "gpu.none", "vulkan.software", "guests.no_vsock", "sandbox.no_namespaces"},
       {"# docker run --device /dev/kvm", "# docker run --device /dev/dri", "This container sees no GPU"}},
      {"debian-13-amd-desktop",
       full,
       {},
       {"KVM runs guest code (tried)", "AMD Radeon RX 7800 XT (RADV NAVI32)",
        "Navi 32 [Radeon RX 7700 XT / 7800 XT] (amdgpu), renderD128", "6 cores, 12 threads"}},
      {"debian-13-lavapipe", reduced, {"kvm.weak", "gpu.none", "vulkan.software"}, {"llvmpipe"}},
      {"dirty-iommu-group", full, {}, {"AMD Radeon Graphics (RADV RAPHAEL_MENDOCINO)"}},
      {"gpu-in-use", full, {}, {"NVIDIA GeForce RTX 3070"}},
      {"gvt-g", none, {"qemu.too_old"}, {"is QEMU 10.2.1; Hesper needs 11.1"}},
      {"hybrid-muxless", full, {}, {"Intel(R) Graphics (RPL-P)"}},
      {"intel-laptop-hybrid", full, {}, {"Intel(R) UHD Graphics (CML GT2)"}},
      {"intel-laptop-two-gpus", full, {}, {"Intel(R) Iris(R) Xe Graphics", "NVIDIA GeForce RTX 3050 Ti"}},
      {"iommu-off", full, {}, {"AMD Radeon RX 6600 (RADV NAVI23)"}},
      {"iommu-off-in-firmware", full, {}, {"AMD Radeon RX 6600 (RADV NAVI23)"}},
      {"low-limits",
       full,
       {"memory.little", "memory.overcommit", "sandbox.no_namespaces", "limits.few_files", "limits.few_mappings"},
       {"64 KiB may be locked", "user.max_user_namespaces=15000", "alice hard nofile"}},
      {"missing-groups",
       reduced,
       {"kvm.permission", "gpu.permission", "vulkan.software", "guests.vsock_permission"},
       {"sudo usermod -aG kvm alice", "sudo usermod -aG render alice", "/dev/dri/renderD128"}},
      {"nested-kvm-weak",
       reduced,
       {"kvm.weak", "vulkan.software"},
       {"emulation failure", "in a virtual machine (kvm)", "-cpu host"}},
      {"no-vulkan-loader",
       none,
       {"vulkan.no_loader"},
       {"sudo dnf install -y vulkan-loader mesa-vulkan-drivers", "There is no Vulkan loader."}},
      {"nvidia-server-no-drm", none, {"qemu.missing"}, {"QEMU is missing"}},
      {"nvidia-vgpu", none, {"qemu.too_old", "vulkan.software"}, {"llvmpipe"}},
      {"old-qemu",
       none,
       {"qemu.too_old", "guests.no_virtiofsd", "guests.no_passt", "sandbox.no_namespaces"},
       {"is QEMU 8.2.2; Hesper needs 11.1", "kernel.apparmor_restrict_unprivileged_userns=0"}},
      {"sr-iov", full, {}, {"Intel(R) UHD Graphics 770 (ADL-S GT1)"}},
      {"sr-iov-by-linux", full, {}, {"Intel(R) UHD Graphics 770 (ADL-S GT1)"}},
      {"tcg-only-no-virtualization",
       reduced,
       {"kvm.firmware"},
       {"switched off in the firmware", "SVM Mode", "AMD Radeon Vega 11 Graphics"}},
      {"two-nvidia", none, {"qemu.too_old"}, {"is QEMU 10.2.1; Hesper needs 11.1"}},
      {"wsl2",
       reduced,
       {"kvm.permission", "vulkan.software", "guests.vsock_permission"},
       {"in Windows (WSL)", "Dozen (dzn)", "sudo usermod -aG kvm alice"}},
      {"xeon-rx580-no-igpu", full, {}, {"AMD Radeon RX 580 Series (RADV POLARIS10)"}},
  };
  return all;
}

const std::filesystem::path kHosts = HESPER_HOSTS;

std::string read(const std::filesystem::path& file) {
  std::ifstream stream(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
}

struct Examined {
  std::vector<Finding> findings;
  Verdict verdict;
};

Examined examine(const std::string& host) {
  const auto system = host::described_system(read(kHosts / (host + ".host")));
  if (!system) {
    ADD_FAILURE() << host << ": " << system.error().message;
    return {};
  }
  const host::Facts facts = host::gather_facts(**system);
  Examined result{.findings = findings(facts), .verdict = {}};
  result.verdict = verdict_of(facts, result.findings);
  return result;
}

std::string everything_said(const Examined& examined) {
  std::string text = examined.verdict.reason + '\n';
  for (const Finding& finding : examined.findings) {
    text += finding.sentence + '\n' + finding.effect + '\n' + finding.note + '\n';
    for (const Step& step : finding.steps) text += text_of(step);
  }
  return text;
}

class Hosts : public testing::TestWithParam<Case> {};

TEST_P(Hosts, FindingsAndVerdictAreThoseOfTheTable) {
  const Case& expected = GetParam();
  const Examined examined = examine(expected.host);
  std::vector<std::string> troubles;
  for (const Finding& finding : examined.findings)
    if (finding.severity != Severity::ok) troubles.push_back(finding.id);
  EXPECT_EQ(troubles, expected.troubles);
  EXPECT_EQ(examined.verdict.acceleration, expected.verdict) << examined.verdict.reason;
  EXPECT_TRUE(examined.verdict.certain);
  const std::string said = everything_said(examined);
  for (const std::string& words : expected.words) EXPECT_THAT(said, testing::HasSubstr(words));
}

INSTANTIATE_TEST_SUITE_P(All, Hosts, testing::ValuesIn(cases()), [](const auto& each) {
  std::string name = each.param.host;
  std::ranges::replace(name, '-', '_');
  return name;
});

// What is no host: bytes changed, lines lost, the rest cut off. Some of it can still be read.
TEST(HostsTable, GarbledHostsAreJudgedWithoutACrash) {
  std::mt19937 random(1);
  unsigned read_anyway = 0;
  for (const Case& each : cases()) {
    const std::string whole = read(kHosts / (each.host + ".host"));
    for (int round = 0; round < 12; ++round) {
      std::string text = whole.substr(0, round % 4 == 0 ? random() % whole.size() : whole.size());
      for (int change = 0; change < 20 && !text.empty(); ++change) {
        // Mostly in what files hold and commands print: a damaged section is refused as a whole.
        const std::size_t at = random() % text.size();
        const std::size_t line = at == 0 ? 0 : text.rfind('\n', at - 1) + 1;
        if (text[at] != '\n' && (text[line] != '@' || random() % 256 == 0))
          text[at] = static_cast<char>(random() % 256);
      }
      const auto system = host::described_system(text);
      if (!system) continue;
      ++read_anyway;
      const host::Facts facts = host::gather_facts(**system);
      const auto all = findings(facts);
      static_cast<void>(verdict_of(facts, all));
      static_cast<void>(script_of(steps_of(all), "garbled"));
    }
  }
  EXPECT_GT(read_anyway, 20U);
}

// By the shell, and by a program that knows its traps.
TEST(HostsTable, FixScriptsAreCorrectShell) {
  const std::filesystem::path folder = std::filesystem::path(testing::TempDir()) / fmt::format("fix-{}", ::getpid());
  std::filesystem::create_directories(folder);
  std::string files;
  for (const Case& each : cases()) {
    const auto steps = steps_of(examine(each.host).findings);
    if (steps.empty()) continue;
    const auto file = folder / (each.host + ".sh");
    std::ofstream(file) << script_of(steps, "What is advised on " + each.host);
    EXPECT_EQ(std::system(fmt::format("sh -n '{}'", file.native()).c_str()), 0) << each.host;
    files += fmt::format(" '{}'", file.native());
  }
  EXPECT_FALSE(files.empty());
  EXPECT_EQ(std::system(("shellcheck" + files).c_str()), 0);
  std::filesystem::remove_all(folder);
}

TEST(HostsTable, HasEveryHost) {
  std::vector<std::string> there;
  for (const auto& file : std::filesystem::directory_iterator(kHosts))
    if (file.path().extension() == ".host") there.push_back(file.path().stem().native());
  std::vector<std::string> known;
  for (const Case& each : cases()) known.push_back(each.host);
  std::ranges::sort(there);
  EXPECT_EQ(there, known) << "Each file of tests/hosts has a row here, sorted by name.";
}

}  // namespace
}  // namespace hesper::advice
