// Host devices for QEMU (docs/system/devices, hw/vfio) and libvirt (https://libvirt.org/formatdomain.html, "Host device
// assignment").
#include "advice/hostdev.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>

#include "advice/pci_address.h"
#include "base/xml.h"

namespace hesper::advice {
namespace {

// OVMF's window for 64-bit BARs before edk2-stable202211, beyond which it places none.
constexpr std::uint64_t kOldWindow = std::uint64_t{32} << 30;
// From here on large enough to be worth a word about the firmware's set-up: what a GPU has without a resizable BAR.
constexpr std::uint64_t kUsualBar = std::uint64_t{256} << 20;

// QEMU's options are separated by commas; two stand for one.
std::string option(std::string_view text) {
  std::string result;
  for (const char c : text) result += c == ',' ? std::string(",,") : std::string(1, c);
  return result;
}

std::string libvirt_address(const PciAddress& address) {
  return fmt::format("domain='0x{:04x}' bus='0x{:02x}' slot='0x{:02x}' function='0x{:x}'", address.domain, address.bus,
                     address.slot, address.function);
}

}  // namespace

std::uint64_t largest_bar(const host::PciFunction& function) {
  return function.bars.empty() ? 0 : std::ranges::max(function.bars);
}

std::vector<std::string> qemu_arguments(const HostDevice& device) {
  std::vector<std::string> arguments = {"-device", "pcie-root-port,id=hostdev-port,chassis=200,slot=200"};
  if (!device.functions.empty() && largest_bar(device.functions.front()) >= kOldWindow / 2) {
    // Twice the BAR, as a power of two, in MiB: the other BARs need room beside it.
    const std::uint64_t window = std::bit_ceil(largest_bar(device.functions.front()) * 2) >> 20;
    arguments.insert(arguments.end(), {"-fw_cfg", fmt::format("name=opt/ovmf/X-PciMmio64Mb,string={}", window)});
  }
  unsigned number = 0;
  for (const host::PciFunction& function : device.functions) {
    std::string text = fmt::format("vfio-pci,host={},bus=hostdev-port,addr=0x0.0x{:x}", function.address, number);
    if (number == 0 && device.functions.size() > 1) text += ",multifunction=on";
    if (number == 0 && !device.rom.empty()) text += ",romfile=" + option(device.rom.native());
    arguments.insert(arguments.end(), {"-device", std::move(text)});
    ++number;
  }
  if (device.hide_hypervisor) arguments.insert(arguments.end(), {"-cpu", "host,kvm=off"});
  return arguments;
}

std::string libvirt_hostdevs(const HostDevice& device) {
  std::string text;
  unsigned number = 0;
  for (const host::PciFunction& function : device.functions) {
    const auto address = parse_pci_address(function.address);
    if (!address) continue;
    text += "<hostdev mode='subsystem' type='pci' managed='no'>\n  <driver name='vfio'/>\n";
    text += fmt::format("  <source>\n    <address {}/>\n  </source>\n", libvirt_address(*address));
    if (number == 0 && !device.rom.empty())
      text += fmt::format("  <rom file='{}'/>\n", escape_xml(device.rom.native()));
    // One slot of the guest: drivers look for the sound function beside the GPU.
    text += fmt::format("  <address type='pci' domain='0x0000' bus='0x0a' slot='0x00' function='0x{:x}'{}/>\n", number,
                        number == 0 && device.functions.size() > 1 ? " multifunction='on'" : "");
    text += "</hostdev>\n";
    ++number;
  }
  return text;
}

std::string libvirt_elsewhere(const HostDevice& device) {
  std::string text;
  if (device.hide_hypervisor) text += "In <features>: <kvm><hidden state='on'/></kvm>\n";
  if (!device.functions.empty() && largest_bar(device.functions.front()) > kUsualBar)
    text += "The resized BAR is passed on as it is; the guest's EFI firmware places it (edk2-stable202211 or newer).\n";
  return text;
}

std::vector<std::string> qemu_arguments_of_mdev(const std::string& uuid, bool display) {
  return {"-device", fmt::format("{},sysfsdev=/sys/bus/mdev/devices/{}{}", display ? "vfio-pci-nohotplug" : "vfio-pci",
                                 uuid, display ? ",display=on,ramfb=on" : "")};
}

std::string libvirt_hostdev_of_mdev(const std::string& uuid, bool display) {
  return fmt::format(
      "<hostdev mode='subsystem' type='mdev' managed='no' model='vfio-pci'{}>\n  <source>\n    <address uuid='{}'/>\n"
      "  </source>\n</hostdev>\n",
      display ? " display='on'" : "", escape_xml(uuid));
}

}  // namespace hesper::advice
