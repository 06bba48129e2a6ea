// PCI's functions, their names, IOMMU groups, VFIO.
#include "host/pci.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "host/described.h"
#include "host/iommu.h"

namespace hesper::host {
namespace {

using testing::ElementsAre;
using testing::Optional;

TEST(Pci, AddressesAreToldFromOtherNames) {
  EXPECT_TRUE(is_pci_address("0000:01:00.0"));
  EXPECT_TRUE(is_pci_address("10000:e1:00.7"));
  for (const char* text :
       {"", "pci0000:00", "0000:01:00", "0000:01:00.8", "000:01:00.0", "0000:0g:00.0", "0000:01:00.00"})
    EXPECT_FALSE(is_pci_address(text)) << text;
  EXPECT_EQ(slot_of("0000:01:00.1"), "0000:01:00");
  EXPECT_THAT(address_in("../../devices/pci0000:00/0000:00:01.0/0000:01:00.0/drm/card0"),
              Optional(std::string("0000:01:00.0")));
  EXPECT_FALSE(address_in("../../devices/platform/soc/406400000.gpu/drm/card1"));
}

TEST(Pci, NamesAreThoseOfTheVendorsDevice) {
  constexpr std::string_view kIds =
      "# comment\n1002  AMD\n\t67df  Ellesmere [Radeon RX 580]\n\t\t1043 0519  Board\n10de  NVIDIA\n\t67df  Other\n\nC "
      "03  Display\n\t67df  Class\n";
  EXPECT_EQ(device_name(kIds, 0x1002, 0x67df), "Ellesmere [Radeon RX 580]");
  EXPECT_EQ(device_name(kIds, 0x10de, 0x67df), "Other");
  EXPECT_EQ(device_name(kIds, 0x10de, 0x1111), "");
  EXPECT_EQ(device_name("\t67df  Before any vendor\n1\n\n\t\n", 0x1002, 0x67df), "");
}

TEST(Pci, BarsHaveSizes) {
  EXPECT_THAT(bar_sizes("0x1000 0x1fff 0x200\n0x0 0x0 0x0\nnonsense\n0x6000000000 0x60ffffffff 0xc\n"),
              ElementsAre(0x1000, 0, 0, 0x100000000));
  EXPECT_TRUE(bar_sizes("").empty());
}

constexpr std::string_view kHost = R"(@ command 0 uname -srm
Linux 6.12.0 x86_64
@ file /sys/bus/pci/devices/0000:00:01.0/class
0x060400
@ file /sys/bus/pci/devices/0000:00:01.0/vendor
0x8086
@ link /sys/bus/pci/devices/0000:00:01.0/iommu_group ../../../kernel/iommu_groups/2
@ file /sys/bus/pci/devices/0000:01:00.0/class
0x030000
@ file /sys/bus/pci/devices/0000:01:00.0/vendor
0x1002
@ file /sys/bus/pci/devices/0000:01:00.0/device
0x67df
@ link /sys/bus/pci/devices/0000:01:00.0/driver ../../../bus/pci/drivers/amdgpu
@ link /sys/bus/pci/devices/0000:01:00.0/iommu_group ../../../kernel/iommu_groups/2
@ file /sys/bus/pci/devices/0000:01:00.0/reset_method
flr bus
@ file /sys/bus/pci/devices/0000:01:00.0/driver_override
(null)
@ file /sys/bus/pci/devices/0000:01:00.0/sriov_totalvfs
16
@ folder /sys/bus/pci/devices/0000:01:00.0/mdev_supported_types
nvidia-256
@ file /sys/bus/pci/devices/0000:01:00.0/rom file 0600 root:root
@ file /sys/bus/pci/devices/0000:02:00.0/class
0x020000
@ file /sys/bus/pci/devices/0000:02:00.0/vendor
0x8086
@ file /sys/bus/pci/devices/0000:02:00.0/numa_node
-1
@ file /usr/share/misc/pci.ids
1002  AMD
	67df  Ellesmere
@ folder /sys/kernel/iommu_groups
2
@ folder /sys/class/iommu
ivhd0
@ folder /sys/firmware/acpi/tables
IVRS
@ file /sys/kernel/irq/1/chip_name
IR-IO-APIC
@ file /proc/cmdline
quiet amd_iommu=on iommu=pt pcie_acs_override=downstream
@ file /lib/modules/6.12.0/modules.dep
kernel/drivers/vfio/pci/vfio-pci.ko.xz: a b
@ file /dev/vfio/vfio device 0666 root:root
)";

TEST(Pci, FunctionsAreAsSysfsTellsThem) {
  const auto functions = pci_functions(*test::described(kHost));
  ASSERT_TRUE(functions);
  ASSERT_EQ(functions->size(), 3u);
  EXPECT_TRUE((*functions)[0].is_bridge);
  const PciFunction& gpu = (*functions)[1];
  EXPECT_EQ(gpu.name, "Ellesmere");
  EXPECT_EQ(gpu.driver, "amdgpu");
  EXPECT_EQ(gpu.iommu_group, 2u);
  EXPECT_THAT(gpu.reset_methods, ElementsAre("flr", "bus"));
  EXPECT_EQ(gpu.driver_override, "");
  EXPECT_EQ(gpu.virtual_functions, 16u);
  EXPECT_THAT(gpu.mediated_types, ElementsAre("nvidia-256"));
  EXPECT_TRUE(gpu.has_rom);
  EXPECT_FALSE((*functions)[2].numa_node);
  EXPECT_FALSE((*functions)[2].driver);
}

TEST(Iommu, GroupsHaveAllTheirFunctions) {
  const auto system = test::described(kHost);
  OperatingSystem os;
  os.kernel.value = "6.12.0";
  os.command_line.value = "quiet amd_iommu=on iommu=pt pcie_acs_override=downstream";
  const Iommu iommu = look_at_iommu(*system, os, *pci_functions(*system));
  EXPECT_TRUE(iommu.firmware.is(true));
  EXPECT_TRUE(iommu.on.is(true));
  EXPECT_TRUE(iommu.kind.is("amd"));
  EXPECT_TRUE(iommu.asked.is("amd_iommu=on iommu=pt"));
  EXPECT_TRUE(iommu.acs_override.is(true));
  EXPECT_TRUE(iommu.interrupt_remapping.is(true));
  ASSERT_EQ(iommu.groups.size(), 1u);
  EXPECT_EQ(iommu.groups[0].functions.size(), 2u);
  const Passthrough passthrough = look_at_passthrough(*system, os);
  EXPECT_TRUE(passthrough.vfio_module.is(true));
  EXPECT_TRUE(passthrough.vfio_may_open.is(true));
  EXPECT_TRUE(passthrough.kvmfr.is(false));
}

TEST(Iommu, OffAndUnknownAreNotTheSame) {
  OperatingSystem os;
  const Iommu off = look_at_iommu(
      *test::described("@ folder /sys/kernel/iommu_groups\n@ folder /sys/firmware/acpi/tables\nDMAR\n"), os, {});
  EXPECT_TRUE(off.on.is(false));
  EXPECT_TRUE(off.firmware.is(true));
  const Iommu unknown = look_at_iommu(*test::described("@ error EACCES /sys/kernel/iommu_groups\n"), os, {});
  EXPECT_FALSE(unknown.on.known());
  EXPECT_FALSE(unknown.firmware.known());
}

}  // namespace
}  // namespace hesper::host
