// Drivers as the Vulkan loader finds them, and the probe.
#include "host/vulkan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "host/described.h"
#include "host/icd_folders.h"

namespace hesper::host {
namespace {

using testing::HasSubstr;

TEST(IcdFolders, FollowTheVariables) {
  const auto folders = icd_folders([](std::string_view name) -> std::optional<std::string> {
    if (name == "HOME") return "/home/me";
    if (name == "XDG_DATA_DIRS") return "/x/share:relative:/y/share";
    if (name == "XDG_CONFIG_HOME") return "";
    return std::nullopt;
  });
  const std::vector<std::filesystem::path> expected = {
      "/home/me/.config/vulkan/icd.d",      "/etc/xdg/vulkan/icd.d", "/usr/local/etc/vulkan/icd.d", "/etc/vulkan/icd.d",
      "/home/me/.local/share/vulkan/icd.d", "/x/share/vulkan/icd.d", "/y/share/vulkan/icd.d"};
  EXPECT_EQ(folders, expected);
}

TEST(Icd, ManifestsNameALibrary) {
  const Icd icd =
      parse_icd(R"({"ICD": {"library_path": "a.so", "api_version": "1.4.0", "is_portability_driver": true}})");
  EXPECT_EQ(icd.library, "a.so");
  EXPECT_EQ(icd.api_version, "1.4.0");
  EXPECT_TRUE(icd.portability);
  EXPECT_EQ(icd.problem, "");
  for (const char* text :
       {"", "{", "[]", "{}", "{\"ICD\": 1}", "{\"ICD\": {}}", "{\"ICD\": {\"library_path\": 7}}", "\xff\xfe"})
    EXPECT_FALSE(parse_icd(text).problem.empty()) << text;
}

Vulkan look(const std::string& text, platform::System kind = platform::System::linux) {
  OperatingSystem os;
  os.kind = kind;
  os.architecture.value = "x86_64";
  return look_at_vulkan(*test::described(text), os);
}

std::string manifest(const std::string& path, const std::string& library) {
  return "@ file " + path + "\n{\"ICD\": {\"library_path\": \"" + library + "\", \"api_version\": \"1.4.0\"}}\n";
}

TEST(Vulkan, LibrariesAreLookedUpAsTheLinkerDoes) {
  const Vulkan vulkan = look(
      manifest("/usr/share/vulkan/icd.d/a.json", "liba.so") + manifest("/usr/share/vulkan/icd.d/b.json", "libb.so") +
      manifest("/etc/vulkan/icd.d/c.json", "../../lib/libc.so") +
      manifest("/usr/share/vulkan/icd.d/d.json", "/opt/libd.so") +
      "@ file /etc/ld.so.conf.d/x.conf\n# comment\n/opt/lib\n@ file /opt/lib/liba.so\n@ file /etc/lib/libc.so\n"
      "@ file /usr/lib64/libvulkan.so.1\n");
  EXPECT_TRUE(vulkan.loader.is("/usr/lib64/libvulkan.so.1"));
  ASSERT_EQ(vulkan.icds.size(), 4u);
  EXPECT_EQ(vulkan.icds[0].manifest, "/etc/vulkan/icd.d/c.json");
  EXPECT_EQ(vulkan.icds[0].problem, "");
  EXPECT_EQ(vulkan.icds[0].found_by, "/etc/vulkan/icd.d");
  EXPECT_EQ(vulkan.icds[1].problem, "");
  EXPECT_THAT(vulkan.icds[2].problem, HasSubstr("'libb.so' is not there"));
  EXPECT_THAT(vulkan.icds[3].problem, HasSubstr("/opt/libd.so"));
}

TEST(Vulkan, GuestDriversAreNobodysHost) {
  const Vulkan vulkan = look(manifest("/usr/share/vulkan/icd.d/virtio_icd.x86_64.json", "v.so") +
                             manifest("/usr/share/vulkan/icd.d/gfxstream_vk_icd.json", "g.so"));
  EXPECT_TRUE(vulkan.icds.empty());
  EXPECT_FALSE(vulkan.loader.known());
}

TEST(Vulkan, VariablesReplaceTheFoldersOrAddToThem) {
  const std::string files = manifest("/usr/share/vulkan/icd.d/a.json", "/a.so") + manifest("/mine/b.json", "/b.so") +
                            manifest("/folder/c.json", "/c.so");
  EXPECT_EQ(look(files).icds.size(), 1u);
  const Vulkan replaced =
      look(files + "@ variable VK_DRIVER_FILES /mine/b.json:/folder:/none.json\n@ variable VK_ICD_FILENAMES /x\n");
  ASSERT_EQ(replaced.icds.size(), 3u);
  EXPECT_EQ(replaced.icds[0].found_by, "VK_DRIVER_FILES");
  EXPECT_EQ(replaced.icds[1].manifest, "/folder/c.json");
  EXPECT_THAT(replaced.icds[2].problem, HasSubstr("No such file"));
  EXPECT_EQ(look(files + "@ variable VK_ICD_FILENAMES /mine/b.json\n").icds.at(0).found_by, "VK_ICD_FILENAMES");
  const Vulkan added = look(files + "@ variable VK_ADD_DRIVER_FILES /mine/b.json\n");
  ASSERT_EQ(added.icds.size(), 2u);
  EXPECT_EQ(added.icds[0].found_by, "VK_ADD_DRIVER_FILES");
}

TEST(Vulkan, MacosHasUsualPlacesThatItsLoaderMayNotSee) {
  const Vulkan vulkan =
      look(manifest("/opt/homebrew/etc/vulkan/icd.d/MoltenVK_icd.json", "../../../lib/libMoltenVK.dylib") +
               "@ file /opt/homebrew/lib/libMoltenVK.dylib\n@ variable HOME /Users/me\n" +
               manifest("/Users/me/VulkanSDK/1.4.335/macOS/share/vulkan/icd.d/libkosmickrisp_icd.json",
                        "../../../lib/k.dylib"),
           platform::System::macos);
  ASSERT_EQ(vulkan.icds.size(), 2u);
  EXPECT_EQ(vulkan.icds[0].problem, "");
  EXPECT_FALSE(vulkan.icds[0].seen_by_loader);
  EXPECT_THAT(vulkan.icds[1].found_by, HasSubstr("Vulkan SDK"));
  EXPECT_FALSE(vulkan.icds[1].problem.empty());
}

TEST(Probe, DevicesAreAsTold) {
  const auto devices =
      parse_probe(R"({"version": 1, "devices": [{"device": "X", "kind": "cpu", "usable": true, "memory": "hostptr",
      "memory_moves": false, "missing": ["a", 1], "emulated": "no list"}, "none", {}]})");
  ASSERT_TRUE(devices);
  ASSERT_EQ(devices->size(), 2u);
  EXPECT_EQ((*devices)[0].name, "X");
  EXPECT_TRUE((*devices)[0].usable);
  EXPECT_EQ((*devices)[0].memory_moves, false);
  EXPECT_FALSE((*devices)[0].guest_usable.has_value());
  EXPECT_THAT((*devices)[0].missing, testing::ElementsAre("a"));
  EXPECT_TRUE((*devices)[0].emulated.empty());
  for (const char* text : {"", "[]", "{}", "{\"devices\": 1}"}) EXPECT_FALSE(parse_probe(text)) << text;
}

TEST(Probe, ADriverThatCrashesIsTold) {
  const Vulkan crashed = look("@ command 139 hesper-render --probe --json\n");
  EXPECT_THAT(crashed.devices.why, HasSubstr("signal 11"));
  const Vulkan none =
      look("@ command 1 hesper-render --probe --json\n@ errors\nhesper-render: error: There is no loader.\n");
  EXPECT_EQ(none.devices.why, "There is no loader.");
}

}  // namespace
}  // namespace hesper::host
