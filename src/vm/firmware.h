// Firmware: where systems keep EDK2 for virtual machines, OVMF and AAVMF.
#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <span>

#include "vm/machine.h"

namespace hesper::vm {

struct FirmwareFiles {
  std::filesystem::path code;       // read-only
  std::filesystem::path variables;  // a template, to be copied
  friend bool operator==(const FirmwareFiles&, const FirmwareFiles&) = default;
};

// The first pair that is there, without Secure Boot. roots: folders to look in, as "/usr/share". exists: whether a file
// is there; without: on this host.
[[nodiscard]] std::optional<FirmwareFiles> find_efi(
    Architecture architecture, std::span<const std::filesystem::path> roots,
    const std::function<bool(const std::filesystem::path&)>& exists = {});

// Where QEMU's program is, and so the data of its installation, comes first; then the system's usual places.
[[nodiscard]] std::vector<std::filesystem::path> firmware_roots(const std::filesystem::path& qemu);

}  // namespace hesper::vm
