// Texts of QEMU 11.1 and older, by what is certain to be in them.
#include "vm/qemu_errors.h"

#include <fmt/format.h>

namespace hesper::vm {
namespace {

// What stands between the first `before` and the next `after`.
std::string between(std::string_view text, std::string_view before, std::string_view after) {
  const std::size_t at = text.find(before);
  if (at == std::string_view::npos) return {};
  const std::string_view rest = text.substr(at + before.size());
  return std::string(rest.substr(0, rest.find(after)));
}

std::string package(const Plan& plan) {
  return plan.machine.architecture == Architecture::x86_64 ? "qemu-system-x86" : "qemu-system-arm";
}

}  // namespace

std::string qemu_too_old(const Plan& plan, std::string_view version) {
  return fmt::format(
      "'{}'{} is too old: Hesper needs QEMU {}.{} or newer, which has vhost-user-test-device-pci with a "
      "shared memory window. Debian 13 has it in trixie-backports (apt install -t trixie-backports {}); "
      "another one is chosen with --qemu.",
      plan.qemu.native(), version.empty() ? "" : fmt::format(" (QEMU {})", version), kLeastQemuMajor, kLeastQemuMinor,
      package(plan));
}

std::optional<std::string> explain_qemu_error(std::string_view text, const Plan& plan) {
  if (text.contains("'vhost-user-test-device-pci' is not a valid device")) return qemu_too_old(plan, "");
  if (text.contains("'vhost-user-input-pci' is not a valid device"))
    return fmt::format("'{}' has no vhost-user-input-pci. --input qemu does without.", plan.qemu.native());
  if (text.contains("is not a valid device model name"))
    return fmt::format("'{}' has no device '{}'. Install all of QEMU's parts, or choose another one with --qemu.",
                       plan.qemu.native(), between(text, "'", "'"));
  if (text.contains("Failed to get \"") && text.contains("lock"))
    return fmt::format(
        "The disk '{}' is in use by another virtual machine. End that one first (hesper list), or add "
        "',readonly' to the disk in both.",
        between(text, "using the image [", "]"));
  if (text.contains("-sandbox"))
    return fmt::format("'{}' is built without seccomp, and cannot confine itself. --qemu-sandbox off does without.",
                       plan.qemu.native());
  if (text.contains("Could not set up host forwarding rule"))
    return fmt::format("The port of '{}' is in use or not allowed. Choose another one with --forward.",
                       between(text, "forwarding rule '", "'"));
  if (text.contains("annot set up guest memory") || text.contains("Cannot allocate memory"))
    return fmt::format(
        "This host does not have {} MiB of memory for the guest. Give it less with --memory, or end other "
        "programs.",
        plan.machine.memory >> 20);
  if (text.contains("vhost-vsock: unable to set guest cid"))
    return fmt::format(
        "The vsock context id {} is in use by another virtual machine. Choose another one, or "
        "--vsock auto.",
        plan.machine.vsock.value_or(0));
  if (text.contains("vhost-vsock"))
    return "The guest's vsock needs /dev/vhost-vsock: load its module (sudo modprobe vhost_vsock), and become a member "
           "of "
           "the group kvm.";
  if (text.contains("Could not access KVM kernel module") || text.contains("failed to initialize kvm"))
    return "KVM cannot be used here. --accel tcg does without, slowly.";
  if (text.contains("HV_DENIED"))
    return "macOS does not let this QEMU use its hypervisor: the program must be signed with the entitlement "
           "com.apple.security.hypervisor. --accel tcg does without, slowly.";
  if (text.contains("passt")) return "The guest's network needs passt, which does not start. --net user does without.";
  if (text.contains("Could not open '"))
    return fmt::format("QEMU cannot open '{}': {}", between(text, "Could not open '", "'"), between(text, "': ", "\n"));
  return std::nullopt;
}

}  // namespace hesper::vm
