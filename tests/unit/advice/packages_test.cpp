// The commands that install things, for each kind of distribution.
#include "advice/packages.h"

#include <gtest/gtest.h>

#include <array>

namespace hesper::advice {
namespace {

host::OperatingSystem system_of(std::string id, std::vector<std::string> like = {}, std::string version = "") {
  host::OperatingSystem system;
  if (!id.empty()) system.distribution.value = std::move(id);
  system.like = std::move(like);
  if (!version.empty()) system.version.value = std::move(version);
  return system;
}

std::string command(const host::OperatingSystem& system, std::initializer_list<Package> packages) {
  return install_command(system, std::span(packages.begin(), packages.size()));
}

TEST(Packages, EachManagerHasItsOwnNames) {
  struct Case {
    const char* id;
    const char* expected;
  };
  constexpr std::array kCases = {
      Case{"ubuntu", "sudo apt-get install -y qemu-system-x86 ovmf"},
      Case{"fedora", "sudo dnf install -y qemu-system-x86 edk2-ovmf"},
      Case{"arch", "sudo pacman -S --needed --noconfirm qemu-system-x86 edk2-ovmf"},
      Case{"opensuse-tumbleweed", "sudo zypper --non-interactive install qemu-x86 qemu-ovmf-x86_64"},
      Case{"alpine", "sudo apk add qemu-system-x86_64 ovmf"},
      Case{"macos", "brew install qemu"},
  };
  for (const Case& each : kCases)
    EXPECT_EQ(command(system_of(each.id), {Package::qemu_x86, Package::ovmf}), each.expected) << each.id;
}

TEST(Packages, RelativesUseTheirParentsNames) {
  EXPECT_EQ(command(system_of("pop", {"ubuntu", "debian"}), {Package::passt}), "sudo apt-get install -y passt");
  EXPECT_EQ(command(system_of("cachyos", {"arch"}), {Package::passt}), "sudo pacman -S --needed --noconfirm passt");
  EXPECT_EQ(command(system_of("fedora-asahi-remix", {"fedora"}), {Package::passt}), "sudo dnf install -y passt");
}

TEST(Packages, Debian13GetsQemuFromItsBackports) {
  const std::string text = command(system_of("debian", {}, "13"), {Package::qemu_x86, Package::ovmf});
  EXPECT_TRUE(text.contains("apt-get install -y -t trixie-backports qemu-system-x86\n")) << text;
  EXPECT_TRUE(text.ends_with("sudo apt-get install -y ovmf")) << text;
  EXPECT_FALSE(command(system_of("debian", {}, "14"), {Package::qemu_x86}).contains("backports"));
}

TEST(Packages, ForUnknownDistributionsAreCommentsOnly) {
  for (const auto& system : {system_of(""), system_of("plan9")}) {
    const std::string text = command(system, {Package::qemu_x86, Package::kvmfr_dkms});
    EXPECT_EQ(text,
              "# Install QEMU for x86_64 guests; Debian calls it qemu-system-x86.\n"
              "# Install Looking Glass's kernel module: https://looking-glass.io/downloads");
  }
}

TEST(Packages, NixosIsDescribed) {
  const std::string text = command(system_of("nixos"), {Package::mesa_vulkan, Package::vulkan_loader});
  EXPECT_EQ(text, "# In /etc/nixos/configuration.nix: hardware.graphics.enable = true;\nsudo nixos-rebuild switch");
}

TEST(Packages, RedHatsQemuIsNotOffered) {
  EXPECT_TRUE(command(system_of("rocky", {"rhel", "centos", "fedora"}), {Package::qemu_x86}).starts_with("# QEMU in"));
}

TEST(Packages, AllOfThemHaveALineEverywhere) {
  for (const char* id : {"debian", "ubuntu", "fedora", "rhel", "arch", "sles", "alpine", "macos", "nixos", "other"}) {
    for (int i = 0; i <= static_cast<int>(Package::openssh_server); ++i) {
      const std::string text = command(system_of(id), {static_cast<Package>(i)});
      EXPECT_FALSE(text.empty()) << id << ' ' << i;
      EXPECT_FALSE(text.contains("  ")) << text;
    }
  }
}

}  // namespace
}  // namespace hesper::advice
