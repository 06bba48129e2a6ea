// Judge of what runs guest code: KVM, HVF, and TCG where neither does.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <system_error>

#include "advice/access.h"
#include "advice/finding_list.h"

namespace hesper::advice {
namespace {

using host::Facts;

constexpr const char* kEmulated =
    "QEMU translates the guest's code (TCG), which is many times slower. Its Vulkan still runs on this host's driver.";

Finding& lacks_kvm(FindingList& list, std::string id, std::string sentence, std::string_view because) {
  return list.reduces(Area::accelerator, std::move(id), std::move(sentence), kEmulated,
                      fmt::format("guest code is emulated, as {}", because));
}

// Opening it fails for the user's rights, not for the device's sake.
bool is_forbidden(const host::Fact<bool>& opens) {
  return opens.why.empty() || opens.why.contains(std::generic_category().message(EACCES)) ||
         opens.why.contains(std::generic_category().message(EPERM));
}

// Typed somewhere else than on this host: lines that are comments.
Step elsewhere(std::string title, std::string reason, std::vector<std::string> lines) {
  return {.title = std::move(title),
          .reason = std::move(reason),
          .files = {},
          .commands = std::move(lines),
          .undo = {},
          .takes = Takes::effect_at_once,
          .if_it_fails = {}};
}

// What the outer host must do, by its hypervisor.
Step nesting_step(const std::string& hypervisor) {
  std::vector<std::string> lines;
  if (hypervisor == "microsoft")
    lines = {"# In PowerShell, this machine off: Set-VMProcessor -VMName NAME -ExposeVirtualizationExtensions $true"};
  else if (hypervisor == "vmware")
    lines = {"# In the machine's .vmx file, this machine off: vhv.enable = \"TRUE\""};
  else if (hypervisor == "oracle")
    lines = {"# This machine off: VBoxManage modifyvm NAME --nested-hw-virt on"};
  else if (hypervisor == "kvm" || hypervisor == "qemu")
    lines = {"# /sys/module/kvm_intel/parameters/nested (or kvm_amd) must be Y, and QEMU be started with -cpu host"};
  else
    lines = {"# Switch nested virtualization on in the settings of the hypervisor that runs this machine."};
  return elsewhere(
      "Switch nested virtualization on for this machine",
      "Only whoever runs the outer host can do it, and clouds often offer it on some kinds of machines only.",
      std::move(lines));
}

Step firmware_step() {
  return elsewhere("Switch virtualization on in the firmware's setup",
                   "It is called Intel Virtualization Technology or VT-x, or SVM Mode (AMD), often among the "
                   "processor's or the overclocking settings.",
                   {"# systemctl reboot --firmware-setup"});
}

void judge_missing_kvm(const Facts& facts, FindingList& list) {
  const host::Accelerators& accelerators = facts.accelerators;
  const auto& virtualization = facts.processor.virtualization;
  const host::Surroundings surroundings = facts.system.surroundings.value_or(host::Surroundings::bare);
  const bool told = virtualization.known() && !virtualization.value->empty();
  const bool denied = virtualization.known() && virtualization.value->empty();
  Finding* finding = nullptr;
  if (surroundings == host::Surroundings::container) {
    finding = &lacks_kvm(list, "kvm.container", "This container has no /dev/kvm.", "the container has no /dev/kvm");
    if (auto step = access_step(facts, {.path = "/dev/kvm", .group = {}, .usual_group = "kvm", .rule = {}}))
      finding->steps.push_back(*step);
  } else if (surroundings == host::Surroundings::wsl) {
    finding = &lacks_kvm(list, "kvm.wsl", "This WSL has no /dev/kvm.", "WSL has no /dev/kvm");
    finding->steps.push_back(
        elsewhere("Switch nested virtualization on for WSL",
                  "It takes Windows 11, and a processor with virtualization switched on in the firmware.",
                  {"# On Windows, in %UserProfile%\\.wslconfig below [wsl2]: nestedVirtualization=true",
                   "# Then, in PowerShell: wsl --shutdown"}));
  } else if (told) {
    const std::string module = *virtualization.value == "svm" ? "kvm_amd" : "kvm_intel";
    finding = &lacks_kvm(list, "kvm.module", fmt::format("KVM's module for this processor, {}, is not loaded.", module),
                         "KVM's module is not loaded");
    finding->steps.push_back(
        {.title = "Load KVM's module",
         .reason = {},
         .files = {{.path = "/etc/modules-load.d/hesper-kvm.conf", .contents = module + "\n"}},
         .commands = {"sudo modprobe " + module},
         .undo = {"sudo rm /etc/modules-load.d/hesper-kvm.conf", "sudo modprobe -r " + module},
         .takes = Takes::effect_at_once,
         .if_it_fails = "\"Operation not supported\" means that virtualization is switched off in the firmware: its "
                        "setup calls it Intel VT-x or SVM Mode."});
  } else if (denied && surroundings == host::Surroundings::virtual_machine) {
    finding =
        &lacks_kvm(list, "kvm.nested_off", "This is a virtual machine, and its host does not pass virtualization on.",
                   "this virtual machine gets no virtualization from its host");
    finding->steps.push_back(nesting_step(facts.system.hypervisor.value_or("")));
  } else if (denied) {
    finding = &lacks_kvm(list, "kvm.firmware",
                         "The processor tells of no virtualization: it is switched off in the firmware, or the "
                         "processor has none.",
                         "virtualization is switched off in the firmware");
    finding->steps.push_back(firmware_step());
  } else {
    finding = &lacks_kvm(list, "kvm.missing", "There is no KVM.", "there is no KVM");
    if (facts.system.architecture.is("aarch64"))
      finding->note =
          "On arm64 the firmware must start Linux at exception level 2; the kernel's log says whether KVM "
          "found that (dmesg | grep -i kvm).";
    else
      finding->note = "The kernel's log says why: sudo dmesg | grep -i kvm";
  }
  FindingList::rest_on(*finding, accelerators.kvm_exists, accelerators.kvm_opens, virtualization,
                       facts.system.surroundings);
}

void judge_closed_kvm(const Facts& facts, FindingList& list) {
  const host::Accelerators& accelerators = facts.accelerators;
  const Device device{.path = "/dev/kvm",
                      .group = accelerators.kvm_group.value_or(""),
                      .usual_group = "kvm",
                      .rule = "KERNEL==\"kvm\""};
  Finding& finding =
      lacks_kvm(list, "kvm.permission", fmt::format("You may not use /dev/kvm, {}.", access_text(device)),
                "you may not use /dev/kvm");
  if (auto step = access_step(facts, device)) finding.steps.push_back(std::move(*step));
  if (finding.steps.empty() && facts.user.id == 0)
    finding.note = "Not even root may: a container or a security module forbids it.";
  FindingList::rest_on(finding, accelerators.kvm_opens, accelerators.kvm_group);
}

void judge_weak_kvm(const Facts& facts, FindingList& list) {
  const host::Accelerators& accelerators = facts.accelerators;
  Finding& finding = lacks_kvm(
      list, "kvm.weak",
      accelerators.kvm_verdict.empty() ? "KVM is there, but does not run guest code." : accelerators.kvm_verdict,
      "KVM here does not run all that a kernel does");
  const auto surroundings = facts.system.surroundings.value_or(host::Surroundings::bare);
  if (surroundings == host::Surroundings::virtual_machine)
    finding.steps.push_back(nesting_step(facts.system.hypervisor.value_or("")));
  FindingList::rest_on(finding, accelerators.kvm_works);
}

void judge_kvm(const Facts& facts, FindingList& list) {
  const host::Accelerators& accelerators = facts.accelerators;
  if (!accelerators.kvm_exists.known()) {
    list.unknown(Area::accelerator, "kvm.unknown", "Whether there is KVM", accelerators.kvm_exists).open = true;
    return;
  }
  if (!*accelerators.kvm_exists.value) return judge_missing_kvm(facts, list);
  // Systems make the node in advance; it opens once there is something behind it.
  if (accelerators.kvm_opens.is(false))
    return is_forbidden(accelerators.kvm_opens) ? judge_closed_kvm(facts, list) : judge_missing_kvm(facts, list);
  if (accelerators.kvm_works.is(false)) return judge_weak_kvm(facts, list);
  if (!accelerators.kvm_works.known()) {
    // Without a QEMU there is nothing to test it with, which is said elsewhere.
    if (own_qemu(facts) == nullptr)
      FindingList::rest_on(list.ok(Area::accelerator, "kvm.opens", "KVM can be opened"), accelerators.kvm_opens);
    else
      list.unknown(Area::accelerator, "kvm.untested", "Whether KVM runs guest code", accelerators.kvm_works).open =
          true;
    return;
  }
  const host::Qemu* qemu = own_qemu(facts);
  const bool offered = qemu == nullptr || !qemu->accelerators.known() ||
                       std::ranges::contains(*qemu->accelerators.value, std::string("kvm"));
  if (!offered) {
    Finding& finding = lacks_kvm(list, "kvm.qemu", fmt::format("'{}' is built without KVM.", qemu->program.native()),
                                 "QEMU is built without KVM");
    finding.note = "Another QEMU is chosen with hesper run --qemu.";
    FindingList::rest_on(finding, qemu->accelerators);
    return;
  }
  FindingList::rest_on(list.ok(Area::accelerator, "kvm.works", "KVM runs guest code (tried)"), accelerators.kvm_works);
}

constexpr std::string_view kEntitlements =
    "<?xml version=\"1.0\" encoding=\"UTF-8\"?><plist version=\"1.0\"><dict>"
    "<key>com.apple.security.hypervisor</key><true/></dict></plist>";

Step signing_step(const std::filesystem::path& qemu) {
  const std::string program = shell_word(qemu.native());
  return {.title = "Sign QEMU with the hypervisor entitlement",
          .reason =
              "macOS lets only programs with that entitlement use its hypervisor. A signature of one's own (ad "
              "hoc) is enough.",
          .files = {},
          .commands = {fmt::format("printf '%s' '{}' >hypervisor.entitlements", kEntitlements),
                       fmt::format("codesign --force --sign - --entitlements hypervisor.entitlements {}", program)},
          .undo = {fmt::format("codesign --force --sign - {}", program)},
          .takes = Takes::effect_at_once,
          .if_it_fails =
              "With a program that belongs to root, put sudo before codesign. An update of QEMU replaces the "
              "program, and then it is signed anew."};
}

constexpr const char* kNoSip =
    "Without System Integrity Protection macOS would ask for no entitlement. Do not switch it off for this: it "
    "protects "
    "the whole system from every program, and signing one program is enough. Only where signing is forbidden (a "
    "managed Mac) is it the last resort: csrutil disable, in the recovery system; csrutil enable undoes it.";

void judge_hvf(const Facts& facts, FindingList& list) {
  const host::Accelerators& accelerators = facts.accelerators;
  const host::Qemu* qemu = own_qemu(facts);
  const auto lacks = [&](std::string id, std::string sentence, std::string_view because) -> Finding& {
    return lacks_kvm(list, std::move(id), std::move(sentence), because);
  };
  if (accelerators.hvf_supported.is(false)) {
    Finding& finding =
        lacks("hvf.unsupported", "This Mac has no hypervisor (kern.hv_support is 0).", "this Mac has no hypervisor");
    if (facts.system.surroundings.is(host::Surroundings::virtual_machine))
      finding.note = "It is a virtual machine itself: nested virtualization takes macOS 15 and an M3 or newer outside.";
    FindingList::rest_on(finding, accelerators.hvf_supported);
    return;
  }
  const bool denied = accelerators.hvf_verdict.contains("HV_DENIED");
  if (denied || accelerators.hvf_entitled.is(false)) {
    Finding& finding =
        denied ? lacks("hvf.denied", "macOS does not let this QEMU use its hypervisor (HV_DENIED).",
                       "macOS does not let QEMU use HVF")
               : lacks("hvf.entitlement", "QEMU is not signed with the entitlement com.apple.security.hypervisor.",
                       "QEMU is not signed for HVF");
    finding.note = kNoSip;
    if (denied && accelerators.hvf_entitled.is(true))
      finding.note =
          "Its signature names the entitlement, but does not hold: the program was changed after it was "
          "signed, or is in quarantine. " +
          finding.note;
    if (qemu != nullptr && can_be_typed(qemu->program.native())) finding.steps.push_back(signing_step(qemu->program));
    FindingList::rest_on(finding, accelerators.hvf_entitled, accelerators.hvf_supported, accelerators.sip_enabled);
    return;
  }
  if (!accelerators.hvf_verdict.empty()) {
    FindingList::rest_on(
        lacks("hvf.fails", fmt::format("HVF does not start: {}", accelerators.hvf_verdict), "HVF does not start"),
        accelerators.hvf_supported);
    return;
  }
  if (!accelerators.hvf_supported.known()) {
    list.unknown(Area::accelerator, "hvf.unknown", "Whether there is HVF", accelerators.hvf_supported).open = true;
    return;
  }
  if (qemu != nullptr && !accelerators.hvf_entitled.known()) {
    list.unknown(Area::accelerator, "hvf.untested", "Whether QEMU is signed for HVF", accelerators.hvf_entitled).open =
        true;
    return;
  }
  FindingList::rest_on(
      list.ok(Area::accelerator, "hvf.works",
              qemu == nullptr ? "This Mac has a hypervisor (HVF)" : "HVF is there, and QEMU is signed for it"),
      accelerators.hvf_supported, accelerators.hvf_entitled);
}

}  // namespace

void judge_accelerator(const Facts& facts, FindingList& list) {
  if (is_macos(facts)) return judge_hvf(facts, list);
  if (is_linux(facts)) judge_kvm(facts, list);
}

}  // namespace hesper::advice
