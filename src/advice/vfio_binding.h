// How PCI functions come to be bound to vfio-pci, and back: at boot (driverctl, or modprobe's and the initramfs's
// configuration) or until the next boot (driver_override). Does not ask whether that is wise: passthrough.h does.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "advice/action.h"
#include "base/error.h"
#include "host/facts.h"

namespace hesper::advice {

enum class Binding : std::uint8_t {
  boot,  // from the next boot on, until it is undone
  now,   // at once, until it is undone or the host boots
};

// Errors: this host has no way to do it that leaves all other devices alone; what to install.
[[nodiscard]] Result<std::vector<Action>> bind_to_vfio(const host::Facts& facts,
                                                       const std::vector<host::PciFunction>& functions,
                                                       Binding binding);

// A kernel module's or driver's name, and nothing that a shell or modprobe reads otherwise.
[[nodiscard]] bool is_module_name(std::string_view name) noexcept;

}  // namespace hesper::advice
