// Passthrough by facts. Rules: Linux's Documentation/driver-api/vfio.rst (groups), the lists of
// https://github.com/gnif/vendor-reset (resets), NVIDIA's answer 5173 on https://nvidia.custhelp.com (GeForce in guests
// from driver 465 on).
#include "advice/passthrough.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "advice/distribution.h"
#include "advice/gpu_family.h"
#include "advice/host_screen.h"
#include "advice/kernel_line.h"
#include "advice/packages.h"
#include "advice/pci_address.h"

namespace hesper::advice {
namespace {

std::string function_text(const host::PciFunction& function) {
  const std::string name =
      function.name.empty() ? fmt::format("{:04x}:{:04x}", function.vendor, function.device) : function.name;
  return fmt::format("{} {}{}", function.address, name,
                     function.driver ? fmt::format(" (driver {})", *function.driver) : "");
}

std::string list(const std::vector<std::string>& items) { return fmt::format("{}", fmt::join(items, ", ")); }

std::string list(const std::vector<host::PciFunction>& functions) {
  std::vector<std::string> texts;
  for (const auto& function : functions) texts.push_back(function_text(function));
  return fmt::format("{}", fmt::join(texts, "; "));
}

bool somebody_can_come_in(const host::Facts& facts, const PassthroughQuestion& question) {
  return question.remote_access_confirmed ||
         (facts.services.ssh_server.is(true) && facts.services.ssh_session.is(true));
}

Step step_to_ssh(const host::Facts& facts) {
  const auto family = family_of(facts.system);
  const bool debian = family == Family::debian || family == Family::ubuntu;
  return {.title = "Have an SSH server, and try it from another computer",
          .reason = "When the screen is gone, it is the way in.",
          .files = {},
          .commands = {install_command(facts.system, std::vector{Package::openssh_server}),
                       fmt::format("sudo systemctl enable --now {}", debian ? "ssh" : "sshd")},
          .undo = {fmt::format("sudo systemctl disable --now {}", debian ? "ssh" : "sshd")},
          .takes = Takes::effect_at_once,
          .if_it_fails = ""};
}

void refuse_without_iommu(const host::Facts& facts, std::vector<Refusal>& refusals) {
  const host::Iommu& iommu = facts.iommu;
  if (iommu.on.is(true)) return;
  if (iommu.firmware.is(false)) {
    refusals.push_back({.id = "iommu.firmware",
                        .sentence =
                            "The firmware tells of no IOMMU: it is switched off in its set-up (VT-d, AMD-Vi or "
                            "SMMU), or this machine has none. Without one a guest's device could write all over "
                            "the host's memory.",
                        .steps = steps_to_iommu(facts)});
  } else if (iommu.on.is(false)) {
    refusals.push_back(
        {.id = "iommu.off",
         .sentence = fmt::format(
             "The kernel does not use the IOMMU{}.",
             iommu.asked.value_or("").empty() ? "" : fmt::format(" (its command line says {})", *iommu.asked.value)),
         .steps = steps_to_iommu(facts)});
  } else {
    refusals.push_back({.id = "iommu.unknown",
                        .sentence = "Whether the kernel uses an IOMMU is unknown" +
                                    (iommu.on.why.empty() ? std::string(".") : ": " + iommu.on.why),
                        .steps = {}});
  }
}

void refuse_group(const host::Facts& facts, const host::Gpu& gpu, std::vector<Refusal>& refusals) {
  if (!gpu.pci->iommu_group) {
    if (facts.iommu.on.is(true))
      refusals.push_back({.id = "group.unknown",
                          .sentence = "Linux lists this GPU in no IOMMU group, so it cannot be kept apart.",
                          .steps = {}});
    return;
  }
  const std::vector<host::PciFunction> others = others_in_group(facts, gpu);
  if (others.empty()) return;
  refusals.push_back(
      {.id = "group.not-clean",
       .sentence = fmt::format(
           "IOMMU group {} holds other devices, which would have to go to the guest too: {}. Another slot of the main "
           "board may have a group of its own (those next to the processor often do), and so may a newer firmware with "
           "ACS switched on. The patch behind pcie_acs_override= makes Linux pretend: the devices can then still reach "
           "each other past the IOMMU, guest and host included.",
           *gpu.pci->iommu_group, list(others)),
       .steps = {}});
}

void refuse_dark_host(const host::Facts& facts, const host::Gpu& gpu, const PassthroughQuestion& question,
                      std::vector<Refusal>& refusals) {
  if (somebody_can_come_in(facts, question)) return;
  const bool only = is_only_gpu(facts, gpu);
  if (!only && screen_gpu(facts) != &gpu) return;
  std::vector<Step> steps;
  if (!facts.services.ssh_server.is(true)) steps.push_back(step_to_ssh(facts));
  refusals.push_back(
      {.id = only ? "screen.only-gpu" : "screen.host",
       .sentence = fmt::format("It is {}: the host's screen goes dark. Come in by SSH and do it from there, or say "
                               "--remote-access-confirmed if there is another way in.",
                               only ? "the only GPU" : "the GPU with the host's own screen"),
       .steps = std::move(steps)});
}

void refuse_in_use(const host::Gpu& gpu, std::vector<Refusal>& refusals) {
  if (gpu.users.empty() || gpu.driver.is("vfio-pci")) return;
  refusals.push_back(
      {.id = "in-use",
       .sentence = fmt::format("Programs have it open: {}. End them; a desktop that opens every GPU ends "
                               "when you log out of it, and this can then be done by SSH or on a text "
                               "console.",
                               list(gpu.users)),
       .steps = {}});
}

void warn(const host::Facts& facts, const host::Gpu& gpu, PassthroughPlan& plan) {
  const host::PciFunction& pci = *gpu.pci;
  if (facts.iommu.acs_override.is(true))
    plan.warnings.emplace_back(
        "pcie_acs_override= is on the kernel's command line: the IOMMU groups are what it says, not what the hardware "
        "keeps apart. A guest may reach other devices and, through them, the host's memory.");
  if (facts.iommu.interrupt_remapping.is(false))
    plan.warnings.emplace_back(
        "The IOMMU does not remap interrupts: a guest could send the host any interrupt. VFIO refuses unless it is "
        "told allow_unsafe_interrupts.");
  if (screen_gpu(facts) == &gpu || is_only_gpu(facts, gpu))
    plan.warnings.emplace_back("The host's screen goes dark, its console too; desktop sessions on it end.");
  // A 3D controller, as in laptops whose screens are all the other GPU's, and on servers.
  if (gpu.connectors.empty() && pci.pci_class >> 8 == 0x0302)
    plan.warnings.emplace_back(
        "It has no connector for a monitor: a guest's pictures leave it by a relay or a network only.");
  if (gpu.integrated.is(true))
    plan.warnings.emplace_back(
        "It is part of the processor: many such GPUs show no picture in a guest's firmware or need a ROM that only the "
        "machine's own firmware has. Try it before you count on it.");
  if (resets_badly(pci))
    plan.warnings.push_back(fmt::format(
        "{} is known not to come back from a reset: after the guest's first end it may work again only when "
        "the host has booted (https://github.com/gnif/vendor-reset).",
        name_of(gpu_family_of(pci))));
  else if (pci.reset_methods.empty())
    plan.warnings.emplace_back(
        "Linux knows no way to reset it: once a guest has ended, it may work again only when the host has booted.");
}

Step rom_step(const host::PciFunction& gpu, const std::filesystem::path& rom) {
  const std::string file = fmt::format("/sys/bus/pci/devices/{}/rom", gpu.address);
  return {
      .title = "Copy the GPU's ROM, in case the guest's screen stays dark",
      .reason =
          "The firmware started this card, and what it left in memory may be all that a guest finds as its "
          "ROM. A copy that is made while another GPU is the first one, or the maker's file, is better.",
      .files = {},
      .commands = {"sudo mkdir -p " + rom.parent_path().native(), fmt::format("echo 1 | sudo tee {} >/dev/null", file),
                   fmt::format("sudo cp {} {}", file, rom.native()),
                   fmt::format("echo 0 | sudo tee {} >/dev/null", file)},
      .undo = {"sudo rm -f " + rom.native()},
      .takes = Takes::effect_at_once,
      .if_it_fails =
          "\"Input/output error\": the card does not show its ROM while it is in use; leave romfile= and "
          "<rom> away."};
}

Step reset_step(const host::PciFunction& gpu) {
  return {
      .title = "Load vendor-reset, which knows how this card is reset",
      .reason = "A module outside of Linux, built for your kernel by DKMS; it needs the kernel's headers.",
      .files = {{.path = "/etc/modules-load.d/hesper-vendor-reset.conf", .contents = "vendor-reset\n", .mode = 0644},
                {.path = "/etc/udev/rules.d/99-hesper-vendor-reset.rules",
                 .contents = fmt::format("ACTION==\"add\", SUBSYSTEM==\"pci\", KERNEL==\"{}\", "
                                         "ATTR{{reset_method}}=\"device_specific\"\n",
                                         gpu.address),
                 .mode = 0644}},
      .commands = {"git clone https://github.com/gnif/vendor-reset", "sudo dkms install ./vendor-reset"},
      .undo = {"sudo rm -f /etc/modules-load.d/hesper-vendor-reset.conf "
               "/etc/udev/rules.d/99-hesper-vendor-reset.rules",
               "sudo dkms remove vendor-reset/0.1.1 --all"},
      .takes = Takes::reboot,
      .if_it_fails =
          "It does not build for every new kernel. Without it: start the guest once for each boot of the "
          "host."};
}

Step rights_step() {
  return {.title = "Let QEMU run as your own user (libvirt does not need this)",
          .reason = "QEMU opens /dev/vfio/GROUP and locks the guest's whole memory.",
          .files = {{.path = "/etc/udev/rules.d/70-hesper-vfio.rules",
                     .contents = "SUBSYSTEM==\"vfio\", GROUP=\"kvm\", MODE=\"0660\"\n",
                     .mode = 0644},
                    {.path = "/etc/security/limits.d/hesper-vfio.conf",
                     .contents = "@kvm hard memlock unlimited\n@kvm soft memlock unlimited\n",
                     .mode = 0644}},
          .commands = {"sudo udevadm control --reload", "sudo usermod -aG kvm \"$(id -un)\""},
          .undo = {"sudo rm -f /etc/udev/rules.d/70-hesper-vfio.rules /etc/security/limits.d/hesper-vfio.conf",
                   "sudo udevadm control --reload"},
          .takes = Takes::new_login,
          .if_it_fails = "\"VFIO_MAP_DMA failed: Cannot allocate memory\": the limit is not in effect; see ulimit -l."};
}

}  // namespace

std::vector<host::PciFunction> functions_of(const host::Gpu& gpu) {
  std::vector<host::PciFunction> functions;
  const auto add = [&](const host::PciFunction& function) {
    const auto address = parse_pci_address(function.address);
    if (!address || function.is_bridge) return;
    functions.push_back(function);
    functions.back().address = text_of(*address);
  };
  if (gpu.pci) add(*gpu.pci);
  for (const host::PciFunction& sibling : gpu.siblings) add(sibling);
  return functions;
}

std::vector<host::PciFunction> others_in_group(const host::Facts& facts, const host::Gpu& gpu) {
  std::vector<host::PciFunction> others;
  if (!gpu.pci || !gpu.pci->iommu_group) return others;
  const std::vector<host::PciFunction> own = functions_of(gpu);
  const auto is_own = [&](const host::PciFunction& function) {
    const auto address = parse_pci_address(function.address);
    return std::ranges::any_of(own, [&](const auto& each) { return parse_pci_address(each.address) == address; });
  };
  for (const host::IommuGroup& group : facts.iommu.groups) {
    const bool holds_some =
        std::ranges::any_of(own, [&](const auto& each) { return each.iommu_group == group.number; });
    if (!holds_some) continue;
    for (const host::PciFunction& function : group.functions)
      if (!function.is_bridge && !is_own(function)) others.push_back(function);
  }
  return others;
}

bool resets_badly(const host::PciFunction& gpu) {
  if (std::ranges::contains(gpu.reset_methods, "flr") || std::ranges::contains(gpu.reset_methods, "device_specific"))
    return false;
  switch (gpu_family_of(gpu)) {
    case GpuFamily::polaris:
    case GpuFamily::lexa:
    case GpuFamily::vega10:
    case GpuFamily::vega20:
    case GpuFamily::navi10:
    case GpuFamily::navi12:
    case GpuFamily::navi14: return true;
    default: return false;
  }
}

std::vector<Step> steps_to_iommu(const host::Facts& facts) {
  const host::Iommu& iommu = facts.iommu;
  if (iommu.on.is(true)) return {};
  std::vector<Step> steps;
  if (iommu.firmware.is(false)) {
    const std::string vendor = facts.processor.vendor.value_or("");
    const std::string what = vendor == "GenuineIntel"   ? "Intel VT-d (\"VT for Directed I/O\")"
                             : vendor == "AuthenticAMD" ? "IOMMU (AMD-Vi), not only SVM"
                                                        : "the IOMMU or SMMU";
    steps.push_back({.title = fmt::format("Switch {} on in the firmware's set-up", what),
                     .reason = "Look under processor, chipset or virtualization; save, and let the host boot.",
                     .files = {},
                     .commands = {"systemctl reboot --firmware-setup"},
                     .undo = {},
                     .takes = Takes::reboot,
                     .if_it_fails = "No such entry: a newer firmware may have it; some laptops have none."});
  }
  const std::string asked = iommu.asked.value_or("");
  for (const char* word : {"intel_iommu=off", "amd_iommu=off", "iommu=off"}) {
    // A whole word: iommu=off is the end of the others.
    const std::size_t at = asked.find(word);
    if (at == std::string::npos || (at > 0 && asked[at - 1] != ' ')) continue;
    Step step = remove_kernel_word(facts.system, word);
    step.title = fmt::format("Take {} off the kernel's command line", word);
    steps.push_back(std::move(step));
  }
  const bool intel = iommu.kind.is("intel") || (!iommu.kind.known() && facts.processor.vendor.is("GenuineIntel")) ||
                     (iommu.kind.value_or("").empty() && facts.processor.vendor.is("GenuineIntel"));
  if (intel && !asked.contains("intel_iommu=on")) {
    Step step = add_kernel_words(facts.system, "iommu", {"intel_iommu=on", "iommu=pt"});
    step.title = "Ask the kernel to use the IOMMU";
    step.reason = "Linux leaves Intel's off unless it was built otherwise; iommu=pt keeps the host's own devices fast.";
    steps.push_back(std::move(step));
  }
  return steps;
}

std::vector<std::string> ways_back(const host::Facts& facts, std::string_view address) {
  std::vector<std::string> ways;
  if (facts.services.ssh_server.is(true))
    ways.emplace_back("Come in by SSH: the server runs here. Try it before, from another computer.");
  else
    ways.push_back("Have an SSH server before you begin, and try it: " +
                   install_command(facts.system, std::vector{Package::openssh_server}));
  ways.emplace_back(
      facts.services.serial_console.is(true)
          ? "The serial console (console=ttyS... is on the kernel's command line) needs no GPU."
          : "A serial console needs no GPU: add console=ttyS0,115200 console=tty0 to the kernel's command "
            "line, and connect the port or the management controller's (Serial over LAN).");
  ways.push_back(fmt::format("There, as root: hesper passthrough disable {} --apply, then reboot.", address));
  ways.emplace_back(
      "Without Hesper: boot with module_blacklist=vfio_pci on the kernel's command line (e in the boot loader's menu): "
      "the GPU's own driver gets it back.");
  return ways;
}

std::vector<Refusal> refusals(const host::Facts& facts, const host::Gpu& gpu, const PassthroughQuestion& question) {
  std::vector<Refusal> refusals;
  if (facts.system.kind != platform::System::linux) {
    refusals.push_back(
        {.id = "system", .sentence = "VFIO is a part of Linux; this host runs another system.", .steps = {}});
    return refusals;
  }
  if (!gpu.pci) {
    refusals.push_back(
        {.id = "not-pci", .sentence = "This GPU is on no PCI bus, and VFIO gives away PCI devices.", .steps = {}});
    return refusals;
  }
  if (facts.system.surroundings.is(host::Surroundings::wsl) ||
      facts.system.surroundings.is(host::Surroundings::container))
    refusals.push_back(
        {.id = "surroundings",
         .sentence = facts.system.surroundings.is(host::Surroundings::wsl)
                         ? "This is Windows' Linux subsystem: Windows owns the GPU and gives none away."
                         : "This is a container: it is the host around it that binds drivers. Ask there.",
         .steps = {}});
  refuse_without_iommu(facts, refusals);
  refuse_group(facts, gpu, refusals);
  refuse_dark_host(facts, gpu, question, refusals);
  refuse_in_use(gpu, refusals);
  if (facts.passthrough.vfio_module.is(false))
    refusals.push_back(
        {.id = "vfio.module", .sentence = "This kernel has no vfio-pci; another one is needed.", .steps = {}});
  return refusals;
}

Result<PassthroughPlan> plan_passthrough(const host::Facts& facts, const PassthroughQuestion& question) {
  const host::Gpu* gpu = find_gpu(facts, question.address);
  if (gpu == nullptr) {
    std::vector<std::string> there;
    for (const host::Gpu& each : facts.gpus) there.push_back(described(each));
    return fail(there.empty()
                    ? fmt::format("No GPU is at {}: this host has none that Hesper knows of.", question.address)
                    : fmt::format("No GPU is at {}; there are: {}.", question.address, list(there)));
  }
  PassthroughPlan plan;
  plan.address = text_of(*parse_pci_address(gpu->pci->address));
  plan.name = described(*gpu);
  plan.functions = functions_of(*gpu);
  plan.refusals = refusals(facts, *gpu, question);
  warn(facts, *gpu, plan);
  auto actions = bind_to_vfio(facts, plan.functions, question.binding);
  if (actions)
    plan.actions = std::move(*actions);
  else
    plan.refusals.push_back({.id = "binding", .sentence = actions.error().message, .steps = {}});
  plan.binding.title = question.binding == Binding::boot ? fmt::format("Bind {} to vfio-pci at boot", plan.name)
                                                         : fmt::format("Bind {} to vfio-pci now", plan.name);
  plan.binding.reason = question.binding == Binding::boot
                            ? "The host's own drivers then never start it."
                            : "Until the next boot. Some drivers do not let go of a GPU cleanly: save your work.";
  if (question.binding == Binding::boot) plan.binding.takes = Takes::reboot;
  add_actions(plan.binding, plan.actions);

  plan.device.functions = plan.functions;
  // NVIDIA's drivers for GeForce refused virtual machines before 465; those of these cards never got so far.
  plan.device.hide_hypervisor = gpu_family_of(*gpu->pci) == GpuFamily::nvidia_fermi;
  if (screen_gpu(facts) == gpu && gpu->pci->has_rom) {
    plan.device.rom = fmt::format("/var/lib/hesper/{}.rom", plan.address);
    plan.also.push_back(rom_step(*gpu->pci, plan.device.rom));
  }
  if (resets_badly(*gpu->pci)) plan.also.push_back(reset_step(*gpu->pci));
  plan.also.push_back(rights_step());
  plan.recovery = ways_back(facts, plan.address);
  return plan;
}

}  // namespace hesper::advice
