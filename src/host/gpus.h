// The GPUs: on the PCI bus and beside it; their drivers, nodes, screens, and who uses them.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "host/facts.h"
#include "host/system.h"

namespace hesper::host {

// functions: of pci_functions().
[[nodiscard]] std::vector<Gpu> look_at_gpus(const System& system, const OperatingSystem& os,
                                            const std::vector<PciFunction>& functions);

// Modules whose aliases match: lines "alias PATTERN MODULE" of modules.alias, '*' and '?' as in a shell.
[[nodiscard]] std::vector<std::string> modules_for(std::string_view aliases, std::string_view modalias);
// '*' and '?'; any lengths, in time of their product.
[[nodiscard]] bool matches(std::string_view pattern, std::string_view text) noexcept;

// GPUs as `system_profiler -json SPDisplaysDataType` tells of them; errors: it is no such JSON.
[[nodiscard]] Result<std::vector<Gpu>> gpus_of_system_profiler(std::string_view json);

}  // namespace hesper::host
