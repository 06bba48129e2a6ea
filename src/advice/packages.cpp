// The table of packages, and the commands of their managers. State of 2026-11.
#include "advice/packages.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>
#include <vector>

#include "advice/distribution.h"

namespace hesper::advice {
namespace {

struct Row {
  Package package;
  std::string_view title;  // for people
  std::string_view home;   // where it comes from when it is no package
  // Several are separated by blanks; empty: no package of the distribution's own.
  std::string_view debian, fedora, arch, suse, alpine, homebrew;
};

constexpr std::string_view kQemuHome = "https://www.qemu.org/download/";
constexpr std::string_view kEdk2Home = "https://github.com/tianocore/edk2";

constexpr std::array kTable = {
    Row{Package::qemu_x86, "QEMU for x86_64 guests", kQemuHome, "qemu-system-x86", "qemu-system-x86", "qemu-system-x86",
        "qemu-x86", "qemu-system-x86_64", "qemu"},
    Row{Package::qemu_arm, "QEMU for arm64 guests", kQemuHome, "qemu-system-arm", "qemu-system-aarch64",
        "qemu-system-aarch64", "qemu-arm", "qemu-system-aarch64", "qemu"},
    Row{Package::ovmf, "OVMF", kEdk2Home, "ovmf", "edk2-ovmf", "edk2-ovmf", "qemu-ovmf-x86_64", "ovmf", "qemu"},
    Row{Package::aavmf, "AAVMF", kEdk2Home, "qemu-efi-aarch64", "edk2-aarch64", "edk2-aarch64", "qemu-uefi-aarch64",
        "aavmf", "qemu"},
    Row{Package::vulkan_loader, "the Vulkan loader", "https://github.com/KhronosGroup/Vulkan-Loader", "libvulkan1",
        "vulkan-loader", "vulkan-icd-loader", "libvulkan1", "vulkan-loader", "vulkan-loader"},
    Row{Package::mesa_vulkan, "Vulkan drivers", "https://docs.mesa3d.org/install.html", "mesa-vulkan-drivers",
        "mesa-vulkan-drivers", "vulkan-intel vulkan-radeon vulkan-nouveau vulkan-swrast",
        "libvulkan_intel libvulkan_radeon libvulkan_nouveau libvulkan_lvp",
        "mesa-vulkan-intel mesa-vulkan-ati mesa-vulkan-nouveau mesa-vulkan-swrast", "molten-vk"},
    Row{Package::nvidia_driver, "NVIDIA's driver", "https://www.nvidia.com/drivers", "nvidia-driver", "",
        "nvidia-open nvidia-utils", "", "", ""},
    Row{Package::driverctl, "driverctl", "https://gitlab.com/driverctl/driverctl", "driverctl", "driverctl", "",
        "driverctl", "", ""},
    Row{Package::virtiofsd, "virtiofsd", "https://gitlab.com/virtio-fs/virtiofsd", "virtiofsd", "virtiofsd",
        "virtiofsd", "virtiofsd", "virtiofsd", ""},
    Row{Package::passt, "passt", "https://passt.top/", "passt", "passt", "passt", "passt", "passt", ""},
    Row{Package::libvirt, "libvirt", "https://libvirt.org/", "libvirt-daemon-system libvirt-clients", "libvirt",
        "libvirt", "libvirt", "libvirt-daemon libvirt-client", "libvirt"},
    Row{Package::ffmpeg, "FFmpeg", "https://ffmpeg.org/", "ffmpeg", "ffmpeg-free", "ffmpeg", "ffmpeg", "ffmpeg",
        "ffmpeg"},
    Row{Package::pciutils, "pciutils", "https://github.com/pciutils/pciutils", "pciutils", "pciutils", "pciutils",
        "pciutils", "pciutils", "pciutils"},
    Row{Package::looking_glass_client, "Looking Glass's client", "https://looking-glass.io/downloads",
        "looking-glass-client", "", "", "", "looking-glass", ""},
    Row{Package::kvmfr_dkms, "Looking Glass's kernel module", "https://looking-glass.io/downloads", "", "", "", "",
        "looking-glass-module", ""},
    Row{Package::openssh_server, "an SSH server", "https://www.openssh.com/", "openssh-server", "openssh-server",
        "openssh", "openssh-server", "openssh-server", ""},
};
static_assert(std::ranges::is_sorted(kTable, {}, &Row::package));
static_assert(kTable.size() == static_cast<std::size_t>(Package::openssh_server) + 1);

const Row& row_of(Package package) { return kTable[static_cast<std::size_t>(package)]; }

std::string_view names_in(Family family, const Row& row) {
  switch (family) {
    case Family::debian:
    case Family::ubuntu: return row.debian;
    case Family::fedora:
    case Family::red_hat: return row.fedora;
    case Family::arch: return row.arch;
    case Family::suse: return row.suse;
    case Family::alpine: return row.alpine;
    case Family::homebrew: return row.homebrew;
    case Family::nix: return "";
  }
  return "";
}

struct Manager {
  std::string_view install;
  std::string_view reinstall;
};

Manager manager_of(Family family) {
  switch (family) {
    case Family::debian:
    case Family::ubuntu: return {"sudo apt-get install -y", "sudo apt-get install -y --reinstall"};
    case Family::fedora:
    case Family::red_hat: return {"sudo dnf install -y", "sudo dnf reinstall -y"};
    case Family::arch: return {"sudo pacman -S --needed --noconfirm", "sudo pacman -S --noconfirm"};
    case Family::suse:
      return {"sudo zypper --non-interactive install", "sudo zypper --non-interactive install --force"};
    case Family::alpine: return {"sudo apk add", "sudo apk fix"};
    case Family::homebrew: return {"brew install", "brew reinstall"};
    case Family::nix: return {};
  }
  return {};
}

bool is_qemu(Package package) { return package == Package::qemu_x86 || package == Package::qemu_arm; }

// NixOS is described, not changed by commands.
std::string_view nix_option(Package package) {
  switch (package) {
    case Package::qemu_x86:
    case Package::qemu_arm:
    case Package::ovmf:
    case Package::aavmf: return "environment.systemPackages = [ pkgs.qemu ];";
    case Package::vulkan_loader:
    case Package::mesa_vulkan: return "hardware.graphics.enable = true;";
    case Package::nvidia_driver: return "services.xserver.videoDrivers = [ \"nvidia\" ];";
    case Package::driverctl: return "environment.systemPackages = [ pkgs.driverctl ];";
    case Package::virtiofsd: return "environment.systemPackages = [ pkgs.virtiofsd ];";
    case Package::passt: return "environment.systemPackages = [ pkgs.passt ];";
    case Package::libvirt: return "virtualisation.libvirtd.enable = true;";
    case Package::ffmpeg: return "environment.systemPackages = [ pkgs.ffmpeg ];";
    case Package::pciutils: return "environment.systemPackages = [ pkgs.pciutils ];";
    case Package::looking_glass_client: return "environment.systemPackages = [ pkgs.looking-glass-client ];";
    case Package::kvmfr_dkms: return "boot.extraModulePackages = [ config.boot.kernelPackages.kvmfr ];";
    case Package::openssh_server: return "services.openssh.enable = true;";
  }
  return "";
}

// What a package of this family needs before it can be installed, or what takes its place; empty: nothing special.
struct Special {
  std::vector<std::string> lines;
  bool instead = false;
};

Special special(Family family, const host::OperatingSystem& system, Package package) {
  if (is_qemu(package) && family == Family::debian && system.version.is("13"))
    return {.lines = {"echo 'deb http://deb.debian.org/debian trixie-backports main' | "
                      "sudo tee /etc/apt/sources.list.d/trixie-backports.list",
                      "sudo apt-get update",
                      fmt::format("sudo apt-get install -y -t trixie-backports {}", row_of(package).debian)},
            .instead = true};
  if (is_qemu(package) && family == Family::red_hat)
    return {.lines = {fmt::format("# QEMU in Red Hat's distributions leaves devices out that Hesper needs. Build your "
                                  "own: {}",
                                  kQemuHome)},
            .instead = true};
  if (package == Package::nvidia_driver && family == Family::ubuntu)
    return {.lines = {"sudo ubuntu-drivers install"}, .instead = true};
  if (package == Package::nvidia_driver && family == Family::debian)
    return {.lines = {"# Debian has it in its sections contrib and non-free, which its sources must name."}};
  if (package == Package::nvidia_driver && family == Family::fedora)
    return {.lines = {"# Fedora has it in RPM Fusion: https://rpmfusion.org/Howto/NVIDIA"}, .instead = true};
  if (package == Package::openssh_server && family == Family::homebrew)
    return {.lines = {"sudo systemsetup -setremotelogin on"}, .instead = true};
  if ((package == Package::driverctl || package == Package::looking_glass_client) && family == Family::arch)
    return {.lines = {fmt::format("# {} is in the AUR: https://aur.archlinux.org/", row_of(package).title)},
            .instead = true};
  return {};
}

void add_once(std::vector<std::string>& lines, std::string line) {
  if (!std::ranges::contains(lines, line)) lines.push_back(std::move(line));
}

std::string command(const host::OperatingSystem& system, std::span<const Package> packages,
                    std::string_view Manager::* action) {
  const auto family = family_of(system);
  std::vector<std::string> before;
  std::string names;
  for (const Package package : packages) {
    const Row& row = row_of(package);
    if (!family) {
      add_once(before, row.debian.empty() ? fmt::format("# Install {}: {}", row.title, row.home)
                                          : fmt::format("# Install {}; Debian calls it {}.", row.title, row.debian));
      continue;
    }
    if (*family == Family::nix) {
      add_once(before, fmt::format("# In /etc/nixos/configuration.nix: {}", nix_option(package)));
      continue;
    }
    const Special needs = special(*family, system, package);
    for (const std::string& line : needs.lines) add_once(before, line);
    if (needs.instead) continue;
    const std::string_view named = names_in(*family, row);
    if (named.empty())
      add_once(before, fmt::format("# {} is no package of this system's own: {}", row.title, row.home));
    else if (!(' ' + names + ' ').contains(fmt::format(" {} ", named)))
      names += fmt::format(" {}", named);
  }
  if (family == Family::nix) before.emplace_back("sudo nixos-rebuild switch");
  std::string text;
  for (const std::string& line : before) text += line + '\n';
  if (!names.empty()) text += fmt::format("{}{}\n", manager_of(*family).*action, names);
  if (text.ends_with('\n')) text.pop_back();
  return text;
}

}  // namespace

std::string install_command(const host::OperatingSystem& system, std::span<const Package> packages) {
  return command(system, packages, &Manager::install);
}

std::string reinstall_command(const host::OperatingSystem& system, std::span<const Package> packages) {
  return command(system, packages, &Manager::reinstall);
}

}  // namespace hesper::advice
