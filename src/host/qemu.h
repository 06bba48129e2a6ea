// QEMU: which is there, and what it can do; and what runs guest code on this host.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "host/facts.h"
#include "host/system.h"

namespace hesper::host {

// The host's own architecture first. searched: set to what was looked for.
[[nodiscard]] std::vector<Qemu> look_at_qemus(const System& system, const OperatingSystem& os, Fact<bool>& searched);

// self_tests: whether guest code is executed to find out. qemus: of look_at_qemus().
[[nodiscard]] Accelerators look_at_accelerators(const System& system, const OperatingSystem& os,
                                                const std::vector<Qemu>& qemus, bool self_tests);

// "11.1.3" of "QEMU emulator version 11.1.3 (Debian 1:11.1.3+ds-1)"; empty: it is no such line.
[[nodiscard]] std::string_view qemu_version(std::string_view text) noexcept;
// Whether `-device help` lists this name: lines 'name "vfio-pci", bus PCI, ...'.
[[nodiscard]] bool lists_device(std::string_view help, std::string_view name) noexcept;
// At least major.minor.
[[nodiscard]] bool is_at_least(std::string_view version, unsigned major, unsigned minor) noexcept;
// Whether `codesign --display --entitlements - --xml` says that the program may use the Hypervisor framework.
[[nodiscard]] bool has_hypervisor_entitlement(std::string_view entitlements) noexcept;
// "System Integrity Protection status: enabled."; nothing: neither.
[[nodiscard]] std::optional<bool> sip_status(std::string_view text) noexcept;

}  // namespace hesper::host
