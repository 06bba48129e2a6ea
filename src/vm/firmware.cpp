// Names that distributions gave EDK2's files.
#include "vm/firmware.h"

#include <array>
#include <string_view>

namespace hesper::vm {
namespace {

struct Names {
  std::string_view code;
  std::string_view variables;
};

// Debian and Ubuntu; Fedora; Arch; openSUSE; QEMU's own, which Homebrew has.
constexpr std::array kX86 = {
    Names{.code = "OVMF/OVMF_CODE_4M.fd", .variables = "OVMF/OVMF_VARS_4M.fd"},
    Names{.code = "OVMF/OVMF_CODE.fd", .variables = "OVMF/OVMF_VARS.fd"},
    Names{.code = "edk2/ovmf/OVMF_CODE.fd", .variables = "edk2/ovmf/OVMF_VARS.fd"},
    Names{.code = "edk2/x64/OVMF_CODE.4m.fd", .variables = "edk2/x64/OVMF_VARS.4m.fd"},
    Names{.code = "qemu/ovmf-x86_64-code.bin", .variables = "qemu/ovmf-x86_64-vars.bin"},
    Names{.code = "qemu/edk2-x86_64-code.fd", .variables = "qemu/edk2-i386-vars.fd"},
};
constexpr std::array kArm = {
    Names{.code = "AAVMF/AAVMF_CODE.no-secboot.fd", .variables = "AAVMF/AAVMF_VARS.fd"},
    Names{.code = "AAVMF/AAVMF_CODE.fd", .variables = "AAVMF/AAVMF_VARS.fd"},
    Names{.code = "edk2/aarch64/QEMU_EFI-pflash.raw", .variables = "edk2/aarch64/vars-template-pflash.raw"},
    Names{.code = "edk2/aarch64/QEMU_CODE.fd", .variables = "edk2/aarch64/QEMU_VARS.fd"},
    Names{.code = "qemu/aavmf-aarch64-code.bin", .variables = "qemu/aavmf-aarch64-vars.bin"},
    Names{.code = "qemu/edk2-aarch64-code.fd", .variables = "qemu/edk2-arm-vars.fd"},
};

std::span<const Names> names_for(Architecture architecture) {
  if (architecture == Architecture::x86_64) return kX86;
  return kArm;
}

}  // namespace

std::optional<FirmwareFiles> find_efi(Architecture architecture, std::span<const std::filesystem::path> roots,
                                      const std::function<bool(const std::filesystem::path&)>& exists) {
  const auto there = [&](const std::filesystem::path& file) {
    std::error_code error;  // what cannot be looked at is not there
    return exists ? exists(file) : std::filesystem::exists(file, error);
  };
  for (const auto& root : roots) {
    for (const Names& names : names_for(architecture)) {
      FirmwareFiles files{.code = root / names.code, .variables = root / names.variables};
      if (there(files.code) && there(files.variables)) return files;
    }
  }
  return std::nullopt;
}

std::vector<std::filesystem::path> firmware_roots(const std::filesystem::path& qemu) {
  std::vector<std::filesystem::path> roots;
  if (qemu.has_parent_path()) roots.push_back(qemu.parent_path().parent_path() / "share");
  for (const char* root : {"/usr/share", "/usr/local/share", "/opt/homebrew/share"}) roots.emplace_back(root);
  return roots;
}

}  // namespace hesper::vm
