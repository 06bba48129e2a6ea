// Hosts with GPUs that could be given to guests, for tests that change one fact of them.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "advice/healthy_host.h"
#include "host/facts.h"

namespace hesper::advice {

inline host::PciFunction function(std::string address, std::uint16_t vendor, std::uint16_t device, std::string driver,
                                  unsigned group) {
  host::PciFunction result{.address = std::move(address), .vendor = vendor, .device = device, .name = "a device"};
  result.driver = std::move(driver);
  result.iommu_group = group;
  return result;
}

// An Intel GPU with the host's screen, and an NVIDIA one with sound in a group of its own.
inline host::Facts host_with_two_gpus() {
  host::Facts facts = healthy_host();
  facts.system.boot_loader = known<std::string>("grub");
  facts.system.initramfs = known<std::string>("initramfs-tools");
  facts.processor.vendor = known<std::string>("GenuineIntel");
  host::Gpu intel{.name = "Intel UHD Graphics 630", .vendor = "Intel", .driver = known<std::string>("i915")};
  intel.pci = function("0000:00:02.0", 0x8086, 0x3e92, "i915", 0);
  intel.boot_vga = known(true);
  intel.integrated = known(true);
  host::Gpu nvidia{.name = "NVIDIA GeForce RTX 3070", .vendor = "NVIDIA", .driver = known<std::string>("nvidia")};
  nvidia.pci = function("0000:01:00.0", 0x10de, 0x2484, "nvidia", 1);
  nvidia.pci->reset_methods = {"flr", "bus"};
  nvidia.pci->bars = {16u << 20, 256u << 20, 32u << 20};
  nvidia.siblings = {function("0000:01:00.1", 0x10de, 0x228b, "snd_hda_intel", 1)};
  nvidia.boot_vga = known(false);
  nvidia.integrated = known(false);
  nvidia.modules = {"nouveau", "nvidia"};
  facts.gpus = {intel, nvidia};
  host::PciFunction port = function("0000:00:01.0", 0x8086, 0x1901, "pcieport", 1);
  port.is_bridge = true;
  facts.iommu.firmware = facts.iommu.on = known(true, "/sys/kernel/iommu_groups");
  facts.iommu.kind = known<std::string>("intel");
  facts.iommu.asked = known<std::string>("intel_iommu=on");
  facts.iommu.groups = {{.number = 0, .functions = {*intel.pci}},
                        {.number = 1, .functions = {port, *nvidia.pci, nvidia.siblings.front()}}};
  facts.passthrough.vfio_module = known(true);
  facts.passthrough.driverctl = known(false);
  facts.services.ssh_server = known(false);
  facts.services.ssh_session = known(false);
  return facts;
}

}  // namespace hesper::advice
