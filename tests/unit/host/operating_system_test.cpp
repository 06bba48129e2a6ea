// The system's name and surroundings.
#include "host/operating_system.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "host/described.h"

namespace hesper::host {
namespace {

using testing::Optional;

TEST(OsRelease, QuotesAndEscapesAreUndoneAndTheLastCounts) {
  constexpr std::string_view kText = "ID=debian\nNAME=\"A \\\"B\\\"\"\nX='c\\d'\n#ID=no\nID=ubuntu\nEMPTY=\n";
  EXPECT_THAT(os_release_value(kText, "ID"), Optional(std::string("ubuntu")));
  EXPECT_THAT(os_release_value(kText, "NAME"), Optional(std::string("A \"B\"")));
  EXPECT_THAT(os_release_value(kText, "X"), Optional(std::string("c\\d")));
  EXPECT_THAT(os_release_value(kText, "EMPTY"), Optional(std::string()));
  EXPECT_FALSE(os_release_value(kText, "none"));
}

OperatingSystem look(std::string_view text) { return look_at_operating_system(*test::described(text)); }

constexpr std::string_view kLinux = "@ command 0 uname -srm\nLinux 6.12.0 x86_64\n";

TEST(OperatingSystem, SurroundingsAreToldApart) {
  const std::string bare = std::string(kLinux) + "@ file /proc/cpuinfo\nflags : fpu vmx\n";
  EXPECT_TRUE(look(bare).surroundings.is(Surroundings::bare));
  EXPECT_TRUE(look(bare).hypervisor.is(""));
  const auto guest = look(std::string(kLinux) + "@ file /sys/class/dmi/id/sys_vendor\nQEMU\n");
  EXPECT_TRUE(guest.surroundings.is(Surroundings::virtual_machine));
  EXPECT_TRUE(guest.hypervisor.is("kvm"));
  EXPECT_TRUE(look(std::string(kLinux) + "@ file /proc/cpuinfo\nflags : hypervisor\n").hypervisor.is("unknown"));
  EXPECT_TRUE(look(bare + "@ file /.dockerenv\n").surroundings.is(Surroundings::container));
  const auto wsl = look("@ command 0 uname -srm\nLinux 5.15.167.4-microsoft-standard-WSL2 x86_64\n");
  EXPECT_TRUE(wsl.surroundings.is(Surroundings::wsl));
  EXPECT_FALSE(look(kLinux).surroundings.known());
}

TEST(OperatingSystem, BoardsOfRealComputersAreNoHypervisors) {
  EXPECT_FALSE(hypervisor_of("LENOVO", "21DCCTO1WW"));
  EXPECT_FALSE(hypervisor_of("Microsoft Corporation", "Surface Pro 7"));
  EXPECT_FALSE(hypervisor_of("Amazon EC2", "c7g.metal"));
  EXPECT_EQ(hypervisor_of("Amazon EC2", "t3.micro"), "amazon");
  EXPECT_EQ(hypervisor_of("innotek GmbH", "VirtualBox"), "oracle");
}

TEST(OperatingSystem, WhoBootsItIsToldByItsFiles) {
  EXPECT_TRUE(
      look(std::string(kLinux) + "@ file /etc/default/grub\n@ file /boot/loader/loader.conf\n").boot_loader.is("grub"));
  EXPECT_TRUE(look(std::string(kLinux) + "@ file /boot/loader/loader.conf\n").boot_loader.is("systemd-boot"));
  EXPECT_TRUE(
      look(std::string(kLinux) + "@ folder /run/ostree-booted\n@ file /etc/default/grub\n").boot_loader.is("ostree"));
  // "systemd-boot 257", in UTF-16 behind the variable's attributes.
  constexpr std::string_view kInfo =
      "@ file /sys/firmware/efi/efivars/LoaderInfo-4a67b082-0a4c-41cf-b6c7-440b29bb8c4f hex\n"
      "06000000 730079007300740065006d0064002d0062006f006f00740020003200350037000000\n@ file /etc/default/grub\n";
  EXPECT_TRUE(look(std::string(kLinux) + std::string(kInfo)).boot_loader.is("systemd-boot"));
  EXPECT_FALSE(look(kLinux).boot_loader.known());
}

TEST(OperatingSystem, SecureBootIsAByteOfTheEfi) {
  constexpr std::string_view kFile =
      "@ file /sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c hex\n";
  EXPECT_TRUE(look(std::string(kLinux) + std::string(kFile) + "06000000 01\n").secure_boot.is(true));
  EXPECT_TRUE(look(std::string(kLinux) + std::string(kFile) + "06000000 00\n").secure_boot.is(false));
  EXPECT_FALSE(look(std::string(kLinux) + std::string(kFile) + "06\n").secure_boot.known());
  EXPECT_TRUE(look(kLinux).secure_boot.is(false));
}

TEST(OperatingSystem, ArmIsToldAsLinuxHasIt) {
  const auto mac = look(
      "@ command 0 uname -srm\nDarwin 25.1.0 arm64\n@ command 0 "
      "sw_vers\nProductName:\t\tmacOS\nProductVersion:\t\t26.1\n");
  EXPECT_EQ(mac.kind, platform::System::macos);
  EXPECT_TRUE(mac.architecture.is("aarch64"));
  EXPECT_TRUE(mac.name.is("macOS 26.1"));
  EXPECT_TRUE(mac.distribution.is("macos"));
}

TEST(OperatingSystem, WithoutUnameTheReasonIsTold) {
  const auto nothing = look("@ command 1 uname -srm\n@ errors\nbroken\n");
  EXPECT_FALSE(nothing.kernel.known());
  EXPECT_THAT(nothing.kernel.why, testing::HasSubstr("broken"));
}

}  // namespace
}  // namespace hesper::host
