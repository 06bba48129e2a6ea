// PciAddress: where a PCI function is. Facts may come from somebody's file, and addresses go into commands and XML:
// only what this parses does.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace hesper::advice {

struct PciAddress {
  std::uint16_t domain = 0;
  std::uint8_t bus = 0, slot = 0, function = 0;
  friend bool operator==(const PciAddress&, const PciAddress&) = default;
  [[nodiscard]] bool same_slot(const PciAddress& other) const noexcept {
    return domain == other.domain && bus == other.bus && slot == other.slot;
  }
};

// "0000:01:00.0", or "01:00.0" in domain 0.
[[nodiscard]] std::optional<PciAddress> parse_pci_address(std::string_view text);
// With the domain, as Linux writes it.
[[nodiscard]] std::string text_of(const PciAddress& address);

}  // namespace hesper::advice
