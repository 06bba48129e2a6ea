// GPUs on the PCI bus and beside it.
#include "host/gpus.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "host/described.h"
#include "host/pci.h"

namespace hesper::host {
namespace {

using testing::ElementsAre;

TEST(Modules, AliasesMatchAsInAShell) {
  EXPECT_TRUE(matches("pci:v*d*bc03*", "pci:v000010DEd00002684bc03sc00"));
  EXPECT_TRUE(matches("", ""));
  EXPECT_TRUE(matches("*", ""));
  EXPECT_TRUE(matches("a?c*", "abc"));
  EXPECT_FALSE(matches("a?c", "abcd"));
  EXPECT_FALSE(matches("a", ""));
  EXPECT_FALSE(matches(std::string(200, '*') + "x", std::string(2000, 'a')));
}

TEST(Modules, EachIsNamedOnce) {
  constexpr std::string_view kAliases =
      "alias pci:v000010DEd*sv*sd*bc03sc00i00* nvidia\nalias pci:v000010DEd*sv*sd*bc03sc*i* nouveau\n"
      "alias pci:v000010DEd*sv*sd*bc03* nouveau\nalias pci:v00001002d* amdgpu\nnonsense\n";
  EXPECT_THAT(modules_for(kAliases, "pci:v000010DEd00002684sv0sd0bc03sc00i00"), ElementsAre("nvidia", "nouveau"));
}

std::vector<Gpu> gpus_of(const System& system, std::string_view kernel = "6.12.0") {
  OperatingSystem os;
  os.kernel.value = kernel;
  return look_at_gpus(system, os, pci_functions(system).value_or(std::vector<PciFunction>()));
}

std::string function(const std::string& address, const std::string& vendor, const std::string& pci_class) {
  const std::string folder = "@ file /sys/bus/pci/devices/" + address;
  return folder + "/vendor\n" + vendor + "\n" + folder + "/device\n0x1111\n" + folder + "/class\n" + pci_class + "\n";
}

TEST(Gpus, BootVgaComesFirstWithItsNodesAndScreens) {
  const auto system = test::described(
      function("0000:01:00.0", "0x10de", "0x030000") + function("0000:01:00.1", "0x10de", "0x040300") +
      function("0000:02:00.0", "0x1002", "0x030000") +
      "@ file /sys/bus/pci/devices/0000:01:00.0/boot_vga\n0\n@ file /sys/bus/pci/devices/0000:02:00.0/boot_vga\n1\n"
      "@ link /sys/class/drm/card0 ../../devices/pci0000:00/0000:01:00.0/drm/card0\n"
      "@ link /sys/class/drm/card1 ../../devices/pci0000:00/0000:02:00.0/drm/card1\n"
      "@ link /sys/class/drm/renderD128 ../../devices/pci0000:00/0000:02:00.0/drm/renderD128\n"
      "@ file /sys/class/drm/card1-HDMI-A-1/status\nconnected\n@ file /sys/class/drm/card1-DP-1/status\ndisconnected\n"
      "@ file /sys/class/drm/card10-DP-1/status\nconnected\n@ folder /sys/class/drm/version\n"
      "@ file /dev/dri/card1 device 0660 root:video\n@ file /dev/dri/renderD128 device 0666 root:render\n"
      "@ holder /dev/dri/card1 77 Xorg\n@ holder /dev/nvidia0 99 python\n"
      "@ file /proc/driver/nvidia/gpus/0000:01:00.0/information\nModel: X\nDevice Minor: \t 0\n");
  const auto gpus = gpus_of(*system);
  ASSERT_EQ(gpus.size(), 2u);
  EXPECT_EQ(gpus[0].vendor, "AMD");
  EXPECT_TRUE(gpus[0].boot_vga.is(true));
  EXPECT_TRUE(gpus[0].integrated.is(false));
  ASSERT_EQ(gpus[0].nodes.size(), 2u);
  EXPECT_EQ(gpus[0].nodes[0].group, "video");
  EXPECT_TRUE(gpus[0].nodes[0].may_open.is(false));
  EXPECT_FALSE(gpus[0].nodes[0].may_open.why.empty());
  EXPECT_TRUE(gpus[0].nodes[1].render);
  EXPECT_TRUE(gpus[0].nodes[1].may_open.is(true));
  ASSERT_EQ(gpus[0].connectors.size(), 2u);
  EXPECT_EQ(gpus[0].connectors[1].name, "HDMI-A-1");
  EXPECT_TRUE(gpus[0].connectors[1].connected);
  EXPECT_THAT(gpus[0].users, ElementsAre("Xorg (77)"));
  EXPECT_EQ(gpus[1].siblings.size(), 1u);
  EXPECT_THAT(gpus[1].users, ElementsAre("python (99)"));
  EXPECT_TRUE(gpus[1].driver.is(""));
}

TEST(Gpus, ThoseOfProcessorsAreIntegrated) {
  const auto amd =
      test::described(function("0000:c1:00.0", "0x1002", "0x030000") + function("0000:c1:00.2", "0x1022", "0x108000"));
  EXPECT_TRUE(gpus_of(*amd).at(0).integrated.is(true));
  const auto intel =
      test::described(function("0000:00:02.0", "0x8086", "0x030000") + function("0000:03:00.0", "0x8086", "0x030000"));
  EXPECT_TRUE(gpus_of(*intel).at(0).integrated.is(true));
  EXPECT_TRUE(gpus_of(*intel).at(1).integrated.is(false));
  EXPECT_FALSE(gpus_of(*test::described(function("0000:00:02.0", "0x1af4", "0x030000"))).at(0).integrated.known());
}

TEST(Gpus, OfSystemsOnAChipIsTheOneThatRenders) {
  const auto system = test::described(
      "@ link /sys/class/drm/card0 ../../devices/platform/soc/228200000.display/drm/card0\n"
      "@ link /sys/class/drm/card1 ../../devices/platform/soc/406400000.gpu/drm/card1\n"
      "@ link /sys/class/drm/renderD128 ../../devices/platform/soc/406400000.gpu/drm/renderD128\n"
      "@ file /sys/class/drm/card1/device/uevent\nDRIVER=asahi\nOF_COMPATIBLE_0=apple,agx-g13g\n"
      "@ file /sys/class/drm/card0/device/uevent\nDRIVER=apple-drm\nOF_COMPATIBLE_0=apple,display-subsystem\n"
      "@ file /sys/class/drm/card0-eDP-1/status\nconnected\n"
      "@ link /sys/class/drm/card2 ../../devices/faux/vkms/drm/card2\n@ file "
      "/sys/class/drm/card2/device/uevent\nDRIVER=vkms\n");
  const auto gpus = gpus_of(*system);
  ASSERT_EQ(gpus.size(), 1u);
  EXPECT_EQ(gpus[0].vendor, "Apple");
  EXPECT_EQ(gpus[0].name, "agx-g13g");
  EXPECT_TRUE(gpus[0].driver.is("asahi"));
  EXPECT_EQ(gpus[0].nodes.size(), 3u);
  EXPECT_EQ(gpus[0].connectors.size(), 1u);
}

TEST(Gpus, WindowsLendsOneToWsl) {
  const auto gpus = gpus_of(*test::described("@ file /dev/dxg device 0666 root:root\n"));
  ASSERT_EQ(gpus.size(), 1u);
  EXPECT_EQ(gpus[0].vendor, "Microsoft");
}

TEST(Gpus, SystemProfilerTellsOfApples) {
  const auto gpus = gpus_of_system_profiler(
      R"({"SPDisplaysDataType": [{"_name": "kHW_AppleM2", "sppci_model": "Apple M2", "spdisplays_vendor": "sppci_vendor_Apple",
          "sppci_bus": "spdisplays_builtin", "spdisplays_ndrvs": [{"_name": "Color LCD"}, 3]}, 7]})");
  ASSERT_TRUE(gpus);
  ASSERT_EQ(gpus->size(), 1u);
  EXPECT_EQ((*gpus)[0].name, "Apple M2");
  EXPECT_EQ((*gpus)[0].vendor, "Apple");
  EXPECT_TRUE((*gpus)[0].integrated.is(true));
  for (const char* text : {"", "[]", "{}", "{\"SPDisplaysDataType\": 3}"})
    EXPECT_FALSE(gpus_of_system_profiler(text)) << text;
}

}  // namespace
}  // namespace hesper::host
