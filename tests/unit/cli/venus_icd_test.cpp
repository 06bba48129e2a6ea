// The search for Venus's manifest, in folders of the test's own.
#include "cli/venus_icd.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/environment.h"
#include "support/temporary_directory.h"

namespace hesper::cli {
namespace {

TEST(VenusIcd, IsToldByItsFileName) {
  EXPECT_TRUE(is_venus_icd("/usr/share/vulkan/icd.d/virtio_icd.json"));
  EXPECT_TRUE(is_venus_icd("virtio_icd.x86_64.json"));
  EXPECT_FALSE(is_venus_icd("/virtio_icd/radeon_icd.json"));
  EXPECT_FALSE(is_venus_icd("virtio_icd.json.old"));
}

TEST(VenusIcd, TheFirstFolderThatHasOneWins) {
  const test::TemporaryDirectory root;
  root.write("a/lvp_icd.json");
  const auto wanted = root.write("b/virtio_icd.json");
  root.write("c/virtio_icd.json");
  const auto found = find_venus_icd({root.path() / "none", root.path() / "a", root.path() / "b", root.path() / "c"});
  ASSERT_TRUE(found) << found.error().message;
  EXPECT_EQ(*found, wanted.native());
}

TEST(VenusIcd, AllArchitecturesOfAFolderAreTaken) {
  const test::TemporaryDirectory root;
  const auto one = root.write("virtio_icd.i686.json");
  const auto other = root.write("virtio_icd.x86_64.json");
  const auto found = find_venus_icd({root.path()});
  ASSERT_TRUE(found);
  EXPECT_EQ(*found, one.native() + ':' + other.native());
}

TEST(VenusIcd, NoneIsASentenceWithThePackage) {
  const auto found = find_venus_icd({"/does/not/exist"});
  ASSERT_FALSE(found);
  EXPECT_THAT(found.error().message, testing::HasSubstr("mesa-vulkan-drivers"));
}

TEST(VenusIcd, TheLoadersFoldersFollowTheXdgVariables) {
  Environment environment;
  environment.set("HOME", "/home/me");
  environment.set("XDG_DATA_DIRS", "/x/share:relative:/y/share");
  const auto directories = icd_directories(environment);
  EXPECT_THAT(directories,
              testing::IsSupersetOf(
                  {std::filesystem::path("/home/me/.config/vulkan/icd.d"), std::filesystem::path("/etc/vulkan/icd.d"),
                   std::filesystem::path("/home/me/.local/share/vulkan/icd.d"),
                   std::filesystem::path("/x/share/vulkan/icd.d"), std::filesystem::path("/y/share/vulkan/icd.d")}));
  for (const auto& directory : directories) EXPECT_TRUE(directory.is_absolute()) << directory;
}

}  // namespace
}  // namespace hesper::cli
