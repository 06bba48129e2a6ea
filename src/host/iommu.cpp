// /sys/class/iommu, /sys/kernel/iommu_groups, ACPI's tables, the kernel's command line, VFIO's module and nodes.
#include "host/iommu.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <map>

#include "host/fact.h"
#include "host/text.h"

namespace hesper::host {
namespace {

using Path = std::filesystem::path;

constexpr const char* kTables = "/sys/firmware/acpi/tables";
constexpr const char* kUnits = "/sys/class/iommu";
constexpr const char* kGroups = "/sys/kernel/iommu_groups";
constexpr const char* kInterrupts = "/sys/kernel/irq";
constexpr const char* kCommandLine = "/proc/cmdline";
constexpr std::size_t kMostInterrupts = 512;

Fact<bool> firmware_tables(const System& system) {
  const auto names = system.list(kTables);
  if (names) {
    for (const char* table : {"DMAR", "IVRS", "IORT"})
      if (std::ranges::contains(*names, table)) return known(true, fmt::format("{}/{}", kTables, table));
    return known(false, kTables);
  }
  // Hosts with a device tree have no such tables, and tell of their IOMMUs there.
  if (is_there(system, "/proc/device-tree"))
    return unknown<bool>("This host has a device tree in place of ACPI.", "/proc/device-tree");
  return unknown<bool>(names.error().message, kTables);
}

// "dmar0", "ivhd0", "smmu3.0x0000000038000000", "arm-smmu-v3.0.auto"
std::string kind_of_unit(std::string_view name) {
  if (name.starts_with("dmar")) return "intel";
  if (name.starts_with("ivhd")) return "amd";
  if (name.starts_with("smmu3") || name.starts_with("arm-smmu-v3")) return "arm-smmu-v3";
  if (name.starts_with("smmu") || name.starts_with("arm-smmu")) return "arm-smmu";
  if (name.contains("dart")) return "apple-dart";
  if (name.starts_with("virtio")) return "virtio";
  return shown(name, 64);
}

std::string asked_of_kernel(std::string_view command_line) {
  std::string asked;
  constexpr std::array<std::string_view, 7> kNames = {
      "intel_iommu", "amd_iommu", "iommu", "iommu.passthrough", "iommu.strict", "arm-smmu.disable_bypass", "intremap"};
  for (const std::string& word : parameters_of(command_line)) {
    const std::string_view name = std::string_view(word).substr(0, word.find('='));
    if (std::ranges::contains(kNames, name)) asked += (asked.empty() ? "" : " ") + word;
  }
  return shown(asked);
}

Fact<bool> interrupt_remapping(const System& system) {
  const auto numbers = system.list(kInterrupts);
  if (!numbers) return unknown<bool>(numbers.error().message, kInterrupts);
  std::size_t looked_at = 0;
  for (const std::string& number : *numbers) {
    if (!small_number_in(number) || ++looked_at > kMostInterrupts) continue;
    const Path file = Path(kInterrupts) / number / "chip_name";
    const std::string chip = line_or_nothing(system, file);
    if (chip.starts_with("IR-") || chip.starts_with("ITS-")) return known(true, file);
  }
  if (looked_at == 0) return unknown<bool>("No interrupt is listed.", kInterrupts);
  return known(false, kInterrupts);
}

std::vector<IommuGroup> groups_of(const std::vector<PciFunction>& functions) {
  std::map<unsigned, IommuGroup> groups;
  for (const PciFunction& function : functions) {
    if (!function.iommu_group) continue;
    IommuGroup& group = groups[*function.iommu_group];
    group.number = *function.iommu_group;
    group.functions.push_back(function);
  }
  std::vector<IommuGroup> list;
  for (auto& [number, group] : groups) list.push_back(std::move(group));
  return list;
}

// Built in, or a file that modprobe would load.
Fact<bool> vfio_module(const System& system, const OperatingSystem& os) {
  if (is_there(system, "/sys/module/vfio_pci")) return known(true, "/sys/module/vfio_pci");
  if (!os.kernel.known()) return unknown<bool>(os.kernel.why, os.kernel.source);
  std::string why = "The kernel's list of modules was not found.";
  std::string source = fmt::format("/lib/modules/{}", *os.kernel.value);
  for (const char* root : {"/lib/modules", "/run/booted-system/kernel-modules/lib/modules"}) {
    const Path folder = Path(root) / *os.kernel.value;
    bool listed = false;
    for (const char* list : {"modules.builtin", "modules.dep"}) {
      const Path file = folder / list;
      const auto lines =
          system.excerpt(file, {"kernel/drivers/vfio/pci/vfio-pci.ko", "updates/vfio-pci.ko", "extra/vfio-pci.ko"});
      if (lines && !lines->empty()) return known(true, file);
      if (lines && std::string_view(list) == "modules.dep") listed = true;
      if (!lines && lines.error().code != ENOENT) why = lines.error().message;
    }
    if (listed) return known(false, folder / "modules.dep");
  }
  return unknown<bool>(why, source);
}

}  // namespace

Iommu look_at_iommu(const System& system, const OperatingSystem& os, const std::vector<PciFunction>& functions) {
  Iommu iommu;
  if (os.kind == platform::System::macos) {
    iommu.firmware = iommu.on = iommu.acs_override = iommu.interrupt_remapping =
        unknown<bool>("macOS gives no devices to guests.", "");
    iommu.kind = iommu.asked = unknown<std::string>("macOS gives no devices to guests.", "");
    return iommu;
  }
  iommu.firmware = firmware_tables(system);
  iommu.groups = groups_of(functions);
  const auto units = system.list(kUnits);
  const auto groups = system.list(kGroups);
  if (units && !units->empty())
    iommu.kind = known(kind_of_unit(units->front()), fmt::format("{}/{}", kUnits, shown(units->front(), 64)));
  else
    iommu.kind = unknown<std::string>("The kernel lists no IOMMU.", kUnits);
  if (groups)
    iommu.on = known(!groups->empty() || !iommu.groups.empty(), kGroups);
  else if (groups.error().code == ENOENT)
    iommu.on = known(!iommu.groups.empty(), kGroups);
  else
    iommu.on = unknown<bool>(groups.error().message, kGroups);
  if (os.command_line.known()) {
    iommu.asked = known(asked_of_kernel(*os.command_line.value), kCommandLine);
    iommu.acs_override = known(parameter_of(*os.command_line.value, "pcie_acs_override").has_value(), kCommandLine);
  } else {
    iommu.asked = unknown<std::string>(os.command_line.why, kCommandLine);
    iommu.acs_override = unknown<bool>(os.command_line.why, kCommandLine);
  }
  iommu.interrupt_remapping = interrupt_remapping(system);
  return iommu;
}

Passthrough look_at_passthrough(const System& system, const OperatingSystem& os) {
  Passthrough passthrough;
  passthrough.driverctl = has_program(system, "driverctl");
  passthrough.looking_glass = has_program(system, "looking-glass-client");
  passthrough.kvmfr = exists(system, "/sys/module/kvmfr");
  passthrough.kvmfr_may_open = opens(system, "/dev/kvmfr0");
  passthrough.vfio_may_open = opens(system, "/dev/vfio/vfio");
  passthrough.vfio_module = os.kind == platform::System::macos ? unknown<bool>("macOS gives no devices to guests.", "")
                                                               : vfio_module(system, os);
  return passthrough;
}

}  // namespace hesper::host
