// What QEMU says, and what users read.
#include "vm/qemu_errors.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace hesper::vm {
namespace {

using testing::HasSubstr;

struct Case {
  const char* said;  // by QEMU 11.1.3 or 10.0
  const char* read;  // a part of
};

const Case kCases[] = {
    {"qemu-system-x86_64: -device vhost-user-test-device-pci,chardev=gpu: 'vhost-user-test-device-pci' is not a valid "
     "device model name",
     "is too old"},
    {"qemu-system-x86_64: -device vhost-user-input-pci,id=keyboard: 'vhost-user-input-pci' is not a valid device model "
     "name",
     "--input qemu"},
    {"qemu-system-x86_64: -device foo-pci: 'foo-pci' is not a valid device model name", "no device 'foo-pci'"},
    {"qemu-system-x86_64: -blockdev ...: Failed to get \"write\" lock\nIs another process using the image [/a]?",
     "'/a' is in use by another"},
    {"qemu-system-x86_64: -sandbox on: There is no option group 'sandbox'", "--qemu-sandbox off"},
    {"qemu-system-x86_64: -netdev user,...: Could not set up host forwarding rule 'tcp:127.0.0.1:22-:22'",
     "'tcp:127.0.0.1:22-:22' is in use"},
    {"qemu-system-x86_64: cannot set up guest memory 'mem': Cannot allocate memory", "does not have 2048 MiB"},
    {"qemu-system-x86_64: -device vhost-vsock-pci,guest-cid=3: vhost-vsock: unable to set guest cid: Address already "
     "in "
     "use",
     "id 3 is in use"},
    {"Could not access KVM kernel module: Permission denied\nqemu-system-x86_64: failed to initialize kvm: Permission "
     "denied",
     "--accel tcg"},
    {"qemu-system-x86_64: -blockdev driver=file: Could not open '/x': Permission denied\n",
     "cannot open '/x': Permission denied"},
};

TEST(QemuErrors, AreExplained) {
  Plan plan;
  plan.qemu = "/bin/qemu";
  plan.machine.vsock = 3;
  for (const Case& each : kCases) {
    const auto explained = explain_qemu_error(each.said, plan);
    ASSERT_TRUE(explained) << each.said;
    EXPECT_THAT(*explained, HasSubstr(each.read));
  }
  EXPECT_FALSE(explain_qemu_error("", plan));
  EXPECT_FALSE(explain_qemu_error("something new", plan));
}

}  // namespace
}  // namespace hesper::vm
