// /sys/bus/pci/devices and pci.ids.
#include "host/pci.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <set>

#include "host/fact.h"
#include "host/text.h"

namespace hesper::host {
namespace {

using Path = std::filesystem::path;

constexpr const char* kDevices = "/sys/bus/pci/devices";
constexpr std::size_t kMostFunctions = 4096;
constexpr std::size_t kMostMediatedTypes = 256;

std::uint32_t hex_in(const System& system, const Path& file) {
  return small_number_in(line_or_nothing(system, file), 16).value_or(0);
}

std::uint16_t id_in(const System& system, const Path& file) {
  return static_cast<std::uint16_t>(hex_in(system, file) & 0xffff);
}

std::optional<unsigned> small_in(const System& system, const Path& file) {
  return small_number_in(line_or_nothing(system, file));
}

// The last part of where a link leads, as drivers and groups are told.
std::optional<std::string> linked_name(const System& system, const Path& link) {
  const auto target = system.read_link(link);
  if (!target) return std::nullopt;
  std::string name = Path(*target).filename().native();
  return name.empty() ? std::nullopt : std::optional(shown(name, 128));
}

std::vector<std::string> mediated_types(const System& system, const Path& folder) {
  std::vector<std::string> types;
  const auto names = system.list(folder / "mdev_supported_types");
  if (!names) return types;
  for (const std::string& name : *names)
    if (types.size() < kMostMediatedTypes) types.push_back(shown(name, 128));
  return types;
}

PciFunction function_at(const System& system, const std::string& address) {
  const Path folder = Path(kDevices) / address;
  PciFunction function{.address = address,
                       .vendor = id_in(system, folder / "vendor"),
                       .device = id_in(system, folder / "device"),
                       .subsystem_vendor = id_in(system, folder / "subsystem_vendor"),
                       .subsystem_device = id_in(system, folder / "subsystem_device"),
                       .pci_class = hex_in(system, folder / "class") & 0xffffff};
  function.is_bridge = function.pci_class >> 16 == 0x06;
  function.driver = linked_name(system, folder / "driver");
  if (const auto group = linked_name(system, folder / "iommu_group")) function.iommu_group = small_number_in(*group);
  const std::string node = line_or_nothing(system, folder / "numa_node");
  if (const auto number = small_number_in(node); number && *number < 4096)
    function.numa_node = static_cast<int>(*number);
  if (function.is_bridge) return function;
  const std::string methods = line_or_nothing(system, folder / "reset_method");
  for (const std::string_view word : words_of(methods)) function.reset_methods.emplace_back(word);
  function.bars = bar_sizes(system.read(folder / "resource").value_or(""));
  function.virtual_functions = small_in(system, folder / "sriov_totalvfs");
  function.virtual_functions_made = small_in(system, folder / "sriov_numvfs");
  function.mediated_types = mediated_types(system, folder);
  function.has_rom = is_there(system, folder / "rom");
  function.driver_override = line_or_nothing(system, folder / "driver_override");
  if (function.driver_override == "(null)") function.driver_override.clear();
  return function;
}

bool all_of(std::string_view text, int (*is)(int)) {
  return std::ranges::all_of(text, [is](char c) { return is(static_cast<unsigned char>(c)) != 0; });
}

}  // namespace

bool is_pci_address(std::string_view text) noexcept {
  // Domains have four digits, or more where a host has many.
  const std::size_t colon = text.find(':');
  if (colon == std::string_view::npos || colon < 4 || colon > 8 || text.size() != colon + 8) return false;
  const std::string_view rest = text.substr(colon);
  return all_of(text.substr(0, colon), std::isxdigit) && all_of(rest.substr(1, 2), std::isxdigit) && rest[3] == ':' &&
         all_of(rest.substr(4, 2), std::isxdigit) && rest[6] == '.' && rest[7] >= '0' && rest[7] <= '7';
}

std::string_view slot_of(std::string_view address) noexcept { return address.substr(0, address.rfind('.')); }

std::optional<std::string> address_in(std::string_view path) {
  std::optional<std::string> address;
  for (const std::string_view part : pieces_of(path, '/'))
    if (is_pci_address(part)) address = part;
  return address;
}

bool is_gpu(const PciFunction& function) noexcept { return function.pci_class >> 16 == 0x03; }

std::string vendor_name(std::uint16_t vendor) {
  switch (vendor) {
    case kIntel: return "Intel";
    case kAmd:
    case kAti: return "AMD";
    case kNvidia: return "NVIDIA";
    case kVirtio: return "virtio";
    case 0x1234: return "QEMU";
    case 0x1b36: return "Red Hat";
    case 0x15ad: return "VMware";
    case 0x80ee: return "VirtualBox";
    case 0x1414: return "Microsoft";
    case 0x1a03: return "ASPEED";
    case 0x102b: return "Matrox";
    case 0x106b: return "Apple";
    case 0x1ed5: return "Moore Threads";
    case 0x0014:
    case 0x0731: return vendor == 0x0014 ? "Loongson" : "Jingjia Micro";
    default: return fmt::format("0x{:04x}", vendor);
  }
}

std::string_view device_name(std::string_view pci_ids, std::uint16_t vendor, std::uint16_t device) noexcept {
  bool here = false;
  for (const std::string_view line : lines_of(pci_ids)) {
    if (line.empty() || line.starts_with('#') || line.starts_with("\t\t")) continue;
    const bool below = line.starts_with('\t');
    const std::string_view entry = below ? line.substr(1) : line;
    if (entry.size() < 6) continue;
    const auto id = number_in(entry.substr(0, 4), 16);
    if (!below) here = id == vendor;
    if (below && here && id == device) return trimmed(entry.substr(4));
  }
  return {};
}

std::vector<std::uint64_t> bar_sizes(std::string_view resource) {
  std::vector<std::uint64_t> sizes;
  for (const std::string_view line : lines_of(resource)) {
    if (sizes.size() == 6) break;
    const auto words = words_of(line);
    const auto begin = words.size() >= 2 ? number_in(words[0], 16) : std::nullopt;
    const auto end = words.size() >= 2 ? number_in(words[1], 16) : std::nullopt;
    sizes.push_back(begin && end && *end > *begin ? *end - *begin + 1 : 0);
  }
  return sizes;
}

void name_functions(const System& system, std::vector<PciFunction*> functions) {
  std::set<std::string> beginnings;
  for (const PciFunction* function : functions) beginnings.insert(fmt::format("\t{:04x} ", function->device));
  if (beginnings.empty()) return;
  for (const char* file : {"/usr/share/misc/pci.ids", "/usr/share/hwdata/pci.ids"}) {
    const auto part = system.excerpt(file, {beginnings.begin(), beginnings.end()});
    if (!part) continue;
    for (PciFunction* function : functions)
      function->name = shown(device_name(*part, function->vendor, function->device), 160);
    return;
  }
}

Result<std::vector<PciFunction>> pci_functions(const System& system) {
  auto addresses = system.list(kDevices);
  if (!addresses) return std::unexpected(std::move(addresses.error()));
  std::vector<PciFunction> functions;
  for (const std::string& address : *addresses)
    if (is_pci_address(address) && functions.size() < kMostFunctions) functions.push_back(function_at(system, address));
  std::set<unsigned> groups;
  std::set<std::string, std::less<>> slots;
  for (const PciFunction& function : functions) {
    if (!is_gpu(function)) continue;
    slots.emplace(slot_of(function.address));
    if (function.iommu_group) groups.insert(*function.iommu_group);
  }
  std::vector<PciFunction*> named;
  for (PciFunction& function : functions)
    if (slots.contains(slot_of(function.address)) || (function.iommu_group && groups.contains(*function.iommu_group)))
      named.push_back(&function);
  name_functions(system, named);
  return functions;
}

}  // namespace hesper::host
