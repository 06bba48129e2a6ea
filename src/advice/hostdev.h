// What QEMU and libvirt are told about a device that is given to a guest: PCI functions, ROM, large BARs, mediated
// devices. Text only.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "host/facts.h"

namespace hesper::advice {

struct HostDevice {
  std::vector<host::PciFunction> functions;  // the GPU first; its siblings become functions of one slot in the guest
  std::filesystem::path rom;                 // a copy of its ROM; empty: QEMU reads it from the device
  bool hide_hypervisor = false;              // drivers that refuse to work in a virtual machine
};

// Arguments for QEMU, a list of words. Of q35 and virt machines, which have PCI Express.
[[nodiscard]] std::vector<std::string> qemu_arguments(const HostDevice& device);
// <hostdev> elements for <devices>.
[[nodiscard]] std::string libvirt_hostdevs(const HostDevice& device);
// What belongs elsewhere in the domain, as a comment for people; empty: nothing.
[[nodiscard]] std::string libvirt_elsewhere(const HostDevice& device);

// A mediated device, by its UUID. display: QEMU shows its screen (GVT-g).
[[nodiscard]] std::vector<std::string> qemu_arguments_of_mdev(const std::string& uuid, bool display);
[[nodiscard]] std::string libvirt_hostdev_of_mdev(const std::string& uuid, bool display);

// The largest memory BAR, bytes.
[[nodiscard]] std::uint64_t largest_bar(const host::PciFunction& function);

}  // namespace hesper::advice
