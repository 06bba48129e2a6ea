// QEMU, KVM, HVF.
#include "host/qemu.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "host/described.h"

namespace hesper::host {
namespace {

using testing::HasSubstr;

TEST(Qemu, VersionsStandInTheFirstLine) {
  EXPECT_EQ(qemu_version("QEMU emulator version 11.1.3 (Debian 1:11.1.3+ds-1)\nCopyright"), "11.1.3");
  EXPECT_EQ(qemu_version("QEMU emulator version 9.2.50\n"), "9.2.50");
  for (const char* text : {"", "QEMU\nversion 1.2", "bash, version 5.2", "QEMU emulator version x"})
    EXPECT_EQ(qemu_version(text), "") << text;
}

TEST(Qemu, VersionsAreCompared) {
  EXPECT_TRUE(is_at_least("11.1.3", 11, 1));
  EXPECT_TRUE(is_at_least("12.0", 11, 1));
  EXPECT_TRUE(is_at_least("11.10", 11, 1));
  EXPECT_FALSE(is_at_least("11.0.9", 11, 1));
  EXPECT_FALSE(is_at_least("9.2", 11, 1));
  EXPECT_FALSE(is_at_least("", 11, 1));
}

TEST(Qemu, DevicesAreWholeNames) {
  constexpr std::string_view kHelp =
      "name \"vfio-pci-nohotplug\", bus PCI\nname \"virtio-vga\", bus PCI, alias \"vga2\"\n";
  EXPECT_FALSE(lists_device(kHelp, "vfio-pci"));
  EXPECT_TRUE(lists_device(kHelp, "vfio-pci-nohotplug"));
  EXPECT_FALSE(lists_device(kHelp, "vga"));
}

std::string qemu(const std::string& version, const std::string& device) {
  return "@ command 0 qemu-system-x86_64 --version\nQEMU emulator version " + version +
         "\n@ command 0 qemu-system-x86_64 -device help\nname \"" + device + "\", bus PCI\n" +
         "@ command 0 qemu-system-x86_64 -accel help\nAccelerators supported in QEMU binary:\ntcg\nkvm\n";
}

Qemu look(const std::string& text) {
  Fact<bool> searched;
  auto qemus = look_at_qemus(*test::described(text), {}, searched);
  EXPECT_EQ(qemus.size(), 1u);
  EXPECT_TRUE(searched.is(true));
  return qemus.empty() ? Qemu() : qemus[0];
}

TEST(Qemu, OnlyNewOnesPassTheWindowOn) {
  const Qemu now = look(qemu("11.1.0", "vhost-user-test-device-pci"));
  EXPECT_TRUE(now.vhost_user_device.is(true));
  EXPECT_TRUE(now.shared_memory_window.is(true));
  EXPECT_TRUE(now.venus.is(false));
  EXPECT_THAT(*now.accelerators.value, testing::ElementsAre("tcg", "kvm"));
  const Qemu old = look(qemu("10.0.2", "vhost-user-device-pci"));
  EXPECT_TRUE(old.vhost_user_device.is(true));
  EXPECT_TRUE(old.shared_memory_window.is(false));
  EXPECT_TRUE(look(qemu("7.2.0", "vfio-pci")).shared_memory_window.is(false));
}

TEST(Qemu, NativeContextsArePropertiesOfItsOwnGpu) {
  const Qemu found = look(qemu("11.1.0", "virtio-gpu-gl-pci") +
                          "@ command 0 qemu-system-x86_64 -device virtio-gpu-gl-pci,help\n  drm_native_context=<bool> "
                          "- on/off\n  venusx=<bool>\n");
  EXPECT_TRUE(found.native_context.is(true));
  EXPECT_TRUE(found.venus.is(false));
}

TEST(Qemu, NoneIsASentence) {
  Fact<bool> searched;
  EXPECT_TRUE(look_at_qemus(*test::described(""), {}, searched).empty());
  EXPECT_TRUE(searched.is(false));
  EXPECT_THAT(searched.why, HasSubstr("qemu-system-x86_64"));
}

TEST(Qemu, FirmwareIsThatOfItsInstallation) {
  const Qemu found = look(
      "@ program /opt/q/bin/qemu-system-x86_64\n@ file /opt/q/share/OVMF/OVMF_CODE_4M.fd\n"
      "@ file /opt/q/share/OVMF/OVMF_VARS_4M.fd\n");
  EXPECT_TRUE(found.firmware.is("/opt/q/share/OVMF/OVMF_CODE_4M.fd"));
  EXPECT_FALSE(found.version.known());
}

Accelerators accelerators(const std::string& text, bool self_tests = true) {
  const auto system = test::described(text + qemu("11.1.0", "x"));
  OperatingSystem os;
  os.architecture.value = "x86_64";
  Fact<bool> searched;
  return look_at_accelerators(*system, os, look_at_qemus(*system, os, searched), self_tests);
}

TEST(Kvm, ThatOpensIsTried) {
  const auto works = accelerators(
      "@ file /dev/kvm device 0666 root:kvm\n@ command 0 hesper self-test kvm --qemu /usr/bin/qemu-system-x86_64 "
      "--json\n{\"works\": true, \"verdict\": \"\"}\n");
  EXPECT_TRUE(works.kvm_works.is(true));
  EXPECT_TRUE(works.kvm_group.is("kvm"));
  const auto weak = accelerators(
      "@ file /dev/kvm device 0666 root:kvm\n@ command 1 hesper self-test kvm --qemu /usr/bin/qemu-system-x86_64 "
      "--json\n{\"works\": false, \"verdict\": \"It is weak.\"}\n");
  EXPECT_TRUE(weak.kvm_works.is(false));
  EXPECT_EQ(weak.kvm_verdict, "It is weak.");
  EXPECT_FALSE(accelerators("@ file /dev/kvm device 0666 root:kvm\n@ command 125 hesper self-test kvm --qemu "
                            "/usr/bin/qemu-system-x86_64 --json\n")
                   .kvm_works.known());
  EXPECT_FALSE(accelerators("@ file /dev/kvm device 0666 root:kvm\n", false).kvm_works.known());
}

TEST(Kvm, ThatDoesNotOpenDoesNotWork) {
  const auto closed = accelerators("@ file /dev/kvm device 0660 root:kvm\n");
  EXPECT_TRUE(closed.kvm_exists.is(true));
  EXPECT_TRUE(closed.kvm_opens.is(false));
  EXPECT_THAT(closed.kvm_opens.why, HasSubstr("Permission denied"));
  EXPECT_TRUE(closed.kvm_works.is(false));
  EXPECT_TRUE(accelerators("").kvm_exists.is(false));
}

TEST(Hvf, EntitlementsAreKeysThatAreTrue) {
  EXPECT_TRUE(has_hypervisor_entitlement("<dict><key>com.apple.security.hypervisor</key>\n  <true/></dict>"));
  EXPECT_FALSE(has_hypervisor_entitlement("<key>com.apple.security.hypervisor</key><false/>"));
  EXPECT_FALSE(has_hypervisor_entitlement("<key>com.apple.security.hypervisor</key>"));
  EXPECT_FALSE(has_hypervisor_entitlement(""));
}

TEST(Hvf, SystemIntegrityProtectionIsOnOrOff) {
  EXPECT_EQ(sip_status("System Integrity Protection status: enabled.\n"), true);
  EXPECT_EQ(sip_status("System Integrity Protection status: disabled.\n"), false);
  EXPECT_EQ(sip_status("System Integrity Protection status: unknown (Custom Configuration).\n"), std::nullopt);
}

TEST(Hvf, WithoutASignatureThereIsNoEntitlement) {
  const auto system = test::described(
      "@ command 0 sysctl -n kern.hv_support\n1\n@ command 1 codesign --display --entitlements - --xml "
      "/usr/bin/qemu-system-aarch64\n"
      "@ errors\n/usr/bin/qemu-system-aarch64: code object is not signed at all\n"
      "@ command 0 qemu-system-aarch64 --version\nQEMU emulator version 11.1.0\n"
      "@ command 1 hesper self-test hvf --qemu /usr/bin/qemu-system-aarch64 --json\n{\"works\": false, \"verdict\": "
      "\"HV_DENIED\"}\n");
  OperatingSystem os;
  os.kind = platform::System::macos;
  os.architecture.value = "aarch64";
  Fact<bool> searched;
  const auto found = look_at_accelerators(*system, os, look_at_qemus(*system, os, searched), true);
  EXPECT_TRUE(found.hvf_supported.is(true));
  EXPECT_TRUE(found.hvf_entitled.is(false));
  EXPECT_EQ(found.hvf_verdict, "HV_DENIED");
  EXPECT_TRUE(found.kvm_exists.is(false));
}

}  // namespace
}  // namespace hesper::host
