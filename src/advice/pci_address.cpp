// PCI addresses: "DDDD:BB:SS.F", hexadecimal.
#include "advice/pci_address.h"

#include <fmt/format.h>

#include <charconv>

namespace hesper::advice {
namespace {

// Exactly so many digits.
std::optional<unsigned> number(std::string_view digits, std::size_t count, unsigned most) {
  unsigned value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value, 16);
  if (digits.size() != count || error != std::errc() || end != digits.data() + digits.size() || value > most)
    return std::nullopt;
  return value;
}

}  // namespace

std::optional<PciAddress> parse_pci_address(std::string_view text) {
  std::string_view domain_text = "0000";
  if (text.size() == 12 && text[4] == ':') {
    domain_text = text.substr(0, 4);
    text.remove_prefix(5);
  }
  if (text.size() != 7 || text[2] != ':' || text[5] != '.') return std::nullopt;
  const auto domain = number(domain_text, 4, 0xffff);
  const auto bus = number(text.substr(0, 2), 2, 0xff);
  const auto slot = number(text.substr(3, 2), 2, 0x1f);
  const auto function = number(text.substr(6, 1), 1, 7);
  if (!domain || !bus || !slot || !function) return std::nullopt;
  return PciAddress{.domain = static_cast<std::uint16_t>(*domain),
                    .bus = static_cast<std::uint8_t>(*bus),
                    .slot = static_cast<std::uint8_t>(*slot),
                    .function = static_cast<std::uint8_t>(*function)};
}

std::string text_of(const PciAddress& address) {
  return fmt::format("{:04x}:{:02x}:{:02x}.{}", address.domain, address.bus, address.slot, address.function);
}

}  // namespace hesper::advice
