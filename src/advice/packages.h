// Packages: what things are called in each distribution, and the command that installs them. A table; looks at nothing.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "host/facts.h"

namespace hesper::advice {

// What can be missing. Each is a row of the table in packages.cpp.
enum class Package : unsigned char {
  qemu_x86,
  qemu_arm,
  ovmf,
  aavmf,
  vulkan_loader,
  mesa_vulkan,
  nvidia_driver,
  driverctl,
  virtiofsd,
  passt,
  libvirt,
  ffmpeg,
  pciutils,
  looking_glass_client,
  kvmfr_dkms,
  openssh_server,
};

// Lines for a POSIX shell: "sudo apt-get install -y qemu-system-x86 ovmf". They ask nothing. What is no package there,
// or a distribution that the table has not, becomes a line that begins with "# " and says what to look for.
// Debian 13's QEMU comes from its backports, as its own is too old.
[[nodiscard]] std::string install_command(const host::OperatingSystem& system, std::span<const Package> packages);
// Likewise, for packages that are there and have lost or changed files.
[[nodiscard]] std::string reinstall_command(const host::OperatingSystem& system, std::span<const Package> packages);

}  // namespace hesper::advice
