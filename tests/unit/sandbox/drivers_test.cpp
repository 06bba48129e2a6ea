// Finding out which drivers the Vulkan loader will load, in folders of our own.
#include "sandbox/drivers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "support/temporary_directory.h"

namespace hesper::sandbox {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class DriversTest : public testing::Test {
 protected:
  // A manifest that names `library`, at a path below the test's folder.
  std::string manifest(const std::string& path, const std::string& library, const std::string& section = "ICD") {
    const auto full = directory_.path() / path;
    std::filesystem::create_directories(full.parent_path());
    return directory_
        .write(path,
               R"({"file_format_version": "1.0.0", ")" + section + R"(": {"library_path": ")" + library + R"("}})")
        .native();
  }

  HostDrivers find(std::map<std::string, std::string> variables) {
    const std::string nowhere = (directory_.path() / "nowhere").native();
    for (const char* name : {"HOME", "XDG_CONFIG_HOME", "XDG_CONFIG_DIRS", "XDG_DATA_HOME", "XDG_DATA_DIRS"})
      variables.emplace(name, nowhere);
    return find_host_drivers([&](const char* name) {
      const auto found = variables.find(name);
      return found == variables.end() ? std::nullopt : std::optional(found->second);
    });
  }

  test::TemporaryDirectory directory_;
};

TEST_F(DriversTest, FamiliesAreToldByTheLibrarysName) {
  EXPECT_EQ(family_of("/usr/lib/x86_64-linux-gnu/libvulkan_lvp.so"), Family::lavapipe);
  EXPECT_EQ(family_of("libvulkan_radeon.so"), Family::mesa);
  EXPECT_EQ(family_of("libvulkan_intel_hasvk.so"), Family::mesa);
  EXPECT_EQ(family_of("libGLX_nvidia.so.0"), Family::nvidia);
  EXPECT_EQ(family_of("libEGL_nvidia.so.0"), Family::nvidia);
  EXPECT_EQ(family_of("libvk_swiftshader.so"), Family::unknown);
}

TEST_F(DriversTest, ANamedManifestIsTheOnlyOne) {
  const auto lavapipe = manifest("data/vulkan/icd.d/lvp.json", "/usr/lib/libvulkan_lvp.so");
  manifest("data/vulkan/icd.d/radeon.json", "libvulkan_radeon.so");
  const auto found = find({{"VK_DRIVER_FILES", lavapipe}, {"XDG_DATA_DIRS", (directory_.path() / "data").native()}});
  EXPECT_THAT(found.families, ElementsAre(Family::lavapipe));
  EXPECT_THAT(found.files, ElementsAre(lavapipe, "/usr/lib/libvulkan_lvp.so"));
}

TEST_F(DriversTest, TheLoadersFoldersAreSearched) {
  manifest("data/vulkan/icd.d/lvp.json", "libvulkan_lvp.so");
  manifest("data/vulkan/icd.d/nvidia.json", "libGLX_nvidia.so.0");
  const auto found =
      find({{"XDG_DATA_HOME", (directory_.path() / "data").native()}, {"VK_LOADER_DRIVERS_SELECT", "*.json"}});
  EXPECT_THAT(found.families, testing::IsSupersetOf({Family::lavapipe, Family::nvidia}));
}

TEST_F(DriversTest, TheLoadersFiltersHold) {
  const auto folder = directory_.path() / "icd.d";
  manifest("icd.d/lvp_icd.json", "libvulkan_lvp.so");
  manifest("icd.d/virtio_icd.json", "libvulkan_virtio.so");
  const std::map<std::string, std::string> all = {{"VK_DRIVER_FILES", folder.native()}};
  EXPECT_THAT(find(all).families, ElementsAre(Family::lavapipe, Family::mesa));
  auto without = all;
  without["VK_LOADER_DRIVERS_DISABLE"] = "other*,virtio_icd*";
  EXPECT_THAT(find(without).families, ElementsAre(Family::lavapipe));
  auto only = all;
  only["VK_LOADER_DRIVERS_SELECT"] = "virtio*";
  EXPECT_THAT(find(only).families, ElementsAre(Family::mesa));
}

TEST_F(DriversTest, ARelativeLibraryLiesBesideItsManifest) {
  const auto path = manifest("own/driver.json", "./libown.so");
  const auto found = find({{"VK_DRIVER_FILES", path}});
  EXPECT_THAT(found.families, ElementsAre(Family::unknown));
  EXPECT_THAT(found.files, ElementsAre(path, (directory_.path() / "own/./libown.so").native()));
}

TEST_F(DriversTest, LayersOfTheUsersFoldersAreFilesToo) {
  const auto layer = manifest("layers/fault.json", "/opt/fault/libfault.so", "layer");
  const auto found =
      find({{"VK_DRIVER_FILES", "/none.json"}, {"VK_ADD_LAYER_PATH", (directory_.path() / "layers").native()}});
  EXPECT_THAT(found.files, ElementsAre(layer, "/opt/fault/libfault.so"));
}

TEST_F(DriversTest, ManifestsThatAreNoneAreLeftOut) {
  for (const char* text : {"", "[]", "{", R"({"ICD": 1})", R"({"ICD": {"library_path": 7}})"}) {
    const auto path = directory_.write("broken.json", text);
    EXPECT_THAT(find({{"VK_DRIVER_FILES", path.native()}}).families, IsEmpty()) << text;
  }
}

}  // namespace
}  // namespace hesper::sandbox
