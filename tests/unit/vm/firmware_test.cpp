// Where EDK2 is found.
#include "vm/firmware.h"

#include <gtest/gtest.h>

#include "support/temporary_directory.h"

namespace hesper::vm {
namespace {

TEST(Firmware, IsAPairOfFiles) {
  const test::TemporaryDirectory folder;
  const std::filesystem::path roots[] = {folder.path() / "nowhere", folder.path()};
  EXPECT_FALSE(find_efi(Architecture::x86_64, roots));
  folder.write("OVMF/OVMF_CODE_4M.fd");
  EXPECT_FALSE(find_efi(Architecture::x86_64, roots));
  folder.write("OVMF/OVMF_VARS_4M.fd");
  const auto files = find_efi(Architecture::x86_64, roots);
  ASSERT_TRUE(files);
  EXPECT_EQ(files->code, folder.path() / "OVMF/OVMF_CODE_4M.fd");
  EXPECT_EQ(files->variables, folder.path() / "OVMF/OVMF_VARS_4M.fd");
  EXPECT_FALSE(find_efi(Architecture::aarch64, roots));
}

TEST(Firmware, QemusOwnComesFirst) {
  EXPECT_EQ(firmware_roots("/opt/qemu/bin/qemu-system-x86_64").front(), "/opt/qemu/share");
}

}  // namespace
}  // namespace hesper::vm
