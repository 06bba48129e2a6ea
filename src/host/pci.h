// The functions on the PCI bus, and their names. Decides about none of them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "host/facts.h"
#include "host/system.h"

namespace hesper::host {

inline constexpr std::uint16_t kIntel = 0x8086, kAmd = 0x1022, kAti = 0x1002, kNvidia = 0x10de, kVirtio = 0x1af4;

// Sorted by address; names of GPUs and what is in a group with one only. Errors: the bus cannot be listed.
[[nodiscard]] Result<std::vector<PciFunction>> pci_functions(const System& system);
// Gives these functions the names that the data base of PCI ids has for them.
void name_functions(const System& system, std::vector<PciFunction*> functions);

// "0000:01:00.0", lower-case.
[[nodiscard]] bool is_pci_address(std::string_view text) noexcept;
// Without its function: "0000:01:00".
[[nodiscard]] std::string_view slot_of(std::string_view address) noexcept;
// The last address in a path of /sys/devices: that of the function which a device there belongs to.
[[nodiscard]] std::optional<std::string> address_in(std::string_view path);
[[nodiscard]] bool is_gpu(const PciFunction& function) noexcept;

// A short name: "Intel", "AMD", "NVIDIA", ...; "0x1234" for one that is not known here.
[[nodiscard]] std::string vendor_name(std::uint16_t vendor);
// "AD102 [GeForce RTX 4090]": what a part of pci.ids calls the device; empty: nothing. Spec: the comment at its front.
[[nodiscard]] std::string_view device_name(std::string_view pci_ids, std::uint16_t vendor,
                                           std::uint16_t device) noexcept;
// Sizes of the six BARs by a "resource" file: lines "START END FLAGS".
[[nodiscard]] std::vector<std::uint64_t> bar_sizes(std::string_view resource);

}  // namespace hesper::host
