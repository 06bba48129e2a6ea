// What it takes to give devices to guests: the IOMMU and its groups, VFIO, and the programs around them.
#pragma once

#include <string_view>
#include <vector>

#include "host/facts.h"
#include "host/system.h"

namespace hesper::host {

// functions: of pci_functions().
[[nodiscard]] Iommu look_at_iommu(const System& system, const OperatingSystem& os,
                                  const std::vector<PciFunction>& functions);
[[nodiscard]] Passthrough look_at_passthrough(const System& system, const OperatingSystem& os);

}  // namespace hesper::host
