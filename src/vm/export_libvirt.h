// A virtual machine as a domain of libvirt's.
#pragma once

#include <string>
#include <vector>

#include "vm/export_file.h"
#include "vm/export_systemd.h"
#include "vm/plan.h"

namespace hesper::vm {

// The domain's XML, by the schema of libvirt 11. What libvirt has a word for is said in its words; the devices of
// hesper gpu are in <qemu:commandline>. hesper gpu has to run at plan.gpu_socket() before the domain starts, without
// --once, by the user that QEMU runs as; libvirt starts virtiofsd itself, and keeps EFI's variables.
// Errors: a text that XML cannot carry.
[[nodiscard]] Result<std::string> domain_xml(const Plan& plan);

// The domain (NAME.xml), the units that start hesper gpu and the screens beside it, and what is to be done with them
// (NAME.txt). units: whose manager of systemd, and so which libvirt: qemu:///system or qemu:///session.
[[nodiscard]] Result<std::vector<ExportedFile>> libvirt_files(const Plan& plan, UnitOptions units);

}  // namespace hesper::vm
