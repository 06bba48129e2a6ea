// A virtual machine as units of systemd.
#pragma once

#include <string>
#include <vector>

#include "vm/export_file.h"
#include "vm/plan.h"

namespace hesper::vm {

struct UnitOptions {
  bool system_wide = false;  // of the system's manager instead of a user's
  std::string user;          // who it is run by, of a system's; a name
  // For a domain of libvirt's, which starts QEMU and virtiofsd itself: hesper gpu, without --once, and the screens.
  bool for_libvirt = false;
};

// Where the sockets are, below the manager's runtime folder: /run or /run/user/ID.
[[nodiscard]] std::string unit_folder(const Plan& plan);

// hesper-gpu@NAME.service, hesper-view@NAME.service, hesper-share-N@NAME.service, hesper-passt@NAME.service and
// hesper-vm@NAME.service; starting
// the last one starts all, and its end ends all. plan: with a folder whose name is unit_folder(); in the units it is
// the manager's own.
// Errors: a text that a unit cannot carry; a vsock number is still to be chosen.
[[nodiscard]] Result<std::vector<ExportedFile>> systemd_units(Plan plan, const UnitOptions& options);

}  // namespace hesper::vm
