// The system's name, its kernel, what it runs in, and who starts it.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "host/facts.h"
#include "host/system.h"

namespace hesper::host {

[[nodiscard]] OperatingSystem look_at_operating_system(const System& system);

// What a line "KEY=VALUE" of os-release says, quotes and escapes undone. Spec: os-release(5).
[[nodiscard]] std::optional<std::string> os_release_value(std::string_view text, std::string_view key);

// Whose virtual machine says this by its DMI strings: "kvm", "vmware", "microsoft", "oracle", "xen", "amazon",
// "google", "apple", "parallels", "bhyve"; nothing for boards of real computers.
[[nodiscard]] std::optional<std::string_view> hypervisor_of(std::string_view vendor, std::string_view product);

}  // namespace hesper::host
