// Environment: edits, and what worker and client get to see of the Vulkan loader's and Venus's variables.
#include "cli/environment.h"

#include <gtest/gtest.h>

#include "cli/private_directory.h"
#include "support/temporary_directory.h"

namespace hesper::cli {
namespace {

Environment with(std::initializer_list<std::pair<const char*, const char*>> variables) {
  Environment environment;
  for (const auto& [name, value] : variables) environment.set(name, value);
  return environment;
}

TEST(Environment, SetReplaces) {
  Environment environment = with({{"A", "1"}, {"AB", "2"}});
  environment.set("A", "3");
  EXPECT_EQ(environment.get("A"), "3");
  EXPECT_EQ(environment.get("AB"), "2");
  EXPECT_EQ(environment.entries().size(), 2u);
}

TEST(Environment, RemoveTakesWholeNamesOnly) {
  Environment environment = with({{"A", "1"}, {"AB", "2"}});
  environment.remove("A");
  EXPECT_FALSE(environment.get("A"));
  EXPECT_EQ(environment.get("AB"), "2");
}

TEST(Environment, AppendKeepsWhatIsThereAndAddsOnce) {
  Environment environment = with({{"VN_DEBUG", "init,wsi"}});
  environment.append("VN_DEBUG", "vtest");
  environment.append("VN_DEBUG", "vtest");
  environment.append("OTHER", "vtest");
  EXPECT_EQ(environment.get("VN_DEBUG"), "init,wsi,vtest");
  EXPECT_EQ(environment.get("OTHER"), "vtest");
}

TEST(Environment, HoldsThatOfThisProcess) {
  ::setenv("HESPER_TEST_VARIABLE", "a=b", 1);
  EXPECT_EQ(Environment::of_this_process().get("HESPER_TEST_VARIABLE"), "a=b");
}

TEST(WorkerEnvironment, HasNoVenusInIt) {
  const auto worker = worker_environment(with({{"VN_DEBUG", "vtest"},
                                               {"VTEST_SOCKET_NAME", "/s"},
                                               {"VK_DRIVER_FILES", "/a/virtio_icd.json"},
                                               {"VK_ICD_FILENAMES", "/a/virtio_icd.x86_64.json:/a/radeon.json"},
                                               {"PATH", "/bin"}}),
                                         std::nullopt);
  EXPECT_FALSE(worker.get("VN_DEBUG"));
  EXPECT_FALSE(worker.get("VTEST_SOCKET_NAME"));
  EXPECT_FALSE(worker.get("VK_DRIVER_FILES"));
  EXPECT_EQ(worker.get("VK_ICD_FILENAMES"), "/a/radeon.json");
  EXPECT_EQ(worker.get("VK_LOADER_DRIVERS_DISABLE"), "virtio_icd*");
  EXPECT_EQ(worker.get("PATH"), "/bin");
}

TEST(WorkerEnvironment, HasWhatDriversRead) {
  const auto worker = worker_environment(with({{"MESA_SHADER_CACHE_DIR", "/c"},
                                               {"LP_NUM_THREADS", "2"},
                                               {"RADV_DEBUG", "llvm"},
                                               {"__GL_SHADER_DISK_CACHE", "0"},
                                               {"VK_LAYER_PATH", "/l"},
                                               {"LD_LIBRARY_PATH", "/x"},
                                               {"XDG_CACHE_HOME", "/h"},
                                               {"HESPER_LOG", "debug"},
                                               {"ENABLE_SOME_LAYER", "1"}}),
                                         std::nullopt);
  EXPECT_EQ(worker.entries().size(), 9u + 1) << "and VK_LOADER_DRIVERS_DISABLE";
  EXPECT_EQ(worker.get("LP_NUM_THREADS"), "2");
}

TEST(WorkerEnvironment, HasNothingThatIsNoneOfItsBusiness) {
  const auto worker = worker_environment(with({{"AWS_SECRET_ACCESS_KEY", "s"},
                                               {"SSH_AUTH_SOCK", "/s"},
                                               {"DBUS_SESSION_BUS_ADDRESS", "unix:/b"},
                                               {"DISPLAY", ":0"},
                                               {"WAYLAND_DISPLAY", "wayland-0"},
                                               {"HOMEPAGE", "x"},
                                               {"GITHUB_TOKEN", "t"}}),
                                         std::nullopt);
  EXPECT_EQ(worker.entries().size(), 1u) << "VK_LOADER_DRIVERS_DISABLE alone";
}

TEST(WorkerEnvironment, HasWhatTheUserPasses) {
  const auto worker =
      worker_environment(with({{"ACME_DEBUG", "1"}, {"ACME_TRACE", "2"}, {"OTHER", "3"}, {"OTHER_ONE", "4"}}),
                         std::nullopt, {"ACME_*", "OTHER"});
  EXPECT_EQ(worker.get("ACME_DEBUG"), "1");
  EXPECT_EQ(worker.get("ACME_TRACE"), "2");
  EXPECT_EQ(worker.get("OTHER"), "3");
  EXPECT_FALSE(worker.get("OTHER_ONE"));
}

TEST(WorkerEnvironment, KeepsTheUsersChoiceOfHostDriver) {
  const auto worker = worker_environment(with({{"VK_DRIVER_FILES", "/a/lvp.json"}}), std::nullopt);
  EXPECT_EQ(worker.get("VK_DRIVER_FILES"), "/a/lvp.json");
}

TEST(WorkerEnvironment, AnExplicitHostDriverWins) {
  const auto worker = worker_environment(
      with({{"VK_DRIVER_FILES", "/a/lvp.json"}, {"VK_ADD_DRIVER_FILES", "/a/more.json"}}), "/b/radeon.json");
  EXPECT_EQ(worker.get("VK_DRIVER_FILES"), "/b/radeon.json");
  EXPECT_EQ(worker.get("VK_ICD_FILENAMES"), "/b/radeon.json");
  EXPECT_FALSE(worker.get("VK_ADD_DRIVER_FILES"));
}

TEST(ClientEnvironment, SeesVenusAndNothingElse) {
  const auto client = client_environment(with({{"VK_DRIVER_FILES", "/a/lvp.json"},
                                               {"VK_ADD_DRIVER_FILES", "/a/more.json"},
                                               {"VK_LOADER_DRIVERS_SELECT", "lvp*"},
                                               {"VN_DEBUG", "result"}}),
                                         "/a/virtio_icd.json", "/run/s", false);
  EXPECT_EQ(client.get("VK_DRIVER_FILES"), "/a/virtio_icd.json");
  EXPECT_EQ(client.get("VK_ICD_FILENAMES"), "/a/virtio_icd.json");
  EXPECT_EQ(client.get("VN_DEBUG"), "result,vtest");
  EXPECT_EQ(client.get("VTEST_SOCKET_NAME"), "/run/s");
  EXPECT_EQ(client.get("VK_LOADER_DISABLE_DYNAMIC_LIBRARY_UNLOADING"), "1");
  EXPECT_FALSE(client.get("VK_ADD_DRIVER_FILES"));
  EXPECT_FALSE(client.get("VK_LOADER_DRIVERS_SELECT"));
  EXPECT_FALSE(client.get("VN_PERF"));
}

TEST(ClientEnvironment, LowLatencyKeepsTheUsersOwnTuning) {
  const auto client = client_environment(with({{"VN_PERF", "no_multi_ring"}}), "/a/virtio_icd.json", "/run/s", true);
  EXPECT_EQ(client.get("VN_PERF"), "no_multi_ring,no_fence_feedback");
}

TEST(PrivateDirectory, IsOnlyOursAndGoesWithAllThatIsInIt) {
  const test::TemporaryDirectory runtime;
  std::filesystem::path path;
  {
    const auto directory = PrivateDirectory::create(with({{"XDG_RUNTIME_DIR", runtime.path().c_str()}}));
    ASSERT_TRUE(directory) << directory.error().message;
    path = directory->path();
    EXPECT_EQ(path.parent_path(), runtime.path());
    EXPECT_EQ(std::filesystem::status(path).permissions(), std::filesystem::perms::owner_all);
    std::ofstream(path / "file") << "x";
  }
  EXPECT_FALSE(std::filesystem::exists(path));
}

TEST(PrivateDirectory, FallsBackToTmp) {
  for (const char* root : {"", "relative", "/does/not/exist"}) {
    const auto directory = PrivateDirectory::create(with({{"XDG_RUNTIME_DIR", root}}));
    ASSERT_TRUE(directory) << directory.error().message;
    EXPECT_EQ(directory->path().parent_path(), "/tmp") << root;
  }
}

}  // namespace
}  // namespace hesper::cli
