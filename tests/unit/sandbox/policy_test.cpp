// The policy: what each driver family may do, and what none may.
#include "sandbox/policy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace hesper::sandbox {
namespace {

using testing::Contains;
using testing::Not;

std::optional<std::string> user(const char* name) {
  return std::string_view(name) == "HOME" ? std::optional<std::string>("/home/user") : std::nullopt;
}

Policy policy(std::vector<Family> families, std::vector<std::filesystem::path> files = {}, Choices choices = {}) {
  return policy_for({.families = std::move(families), .unknown = {}, .files = std::move(files)}, choices, user);
}

TEST(Policy, OnlyDriversOfGpusSeeGpus) {
  EXPECT_THAT(policy({Family::lavapipe}).files.devices, Not(Contains("/dev/dri")));
  EXPECT_THAT(policy({Family::lavapipe}).files.readable, Not(Contains("/sys/devices")));
  EXPECT_THAT(policy({Family::mesa}).files.devices, Contains("/dev/dri"));
  EXPECT_THAT(policy({Family::mesa}).files.readable, Contains("/sys/dev"));
}

TEST(Policy, AnUnknownDriverMayDoWhatAnyMay) {
  const Policy unknown = policy({Family::unknown});
  EXPECT_THAT(unknown.files.devices, Contains("/dev/dri"));
  EXPECT_EQ(unknown.allowed.lists.size(), 5u);
  EXPECT_EQ(unknown.limits.address_space, std::nullopt);
}

TEST(Policy, AProcessWithoutADriverOpensNothing) {
  const Policy none = policy({Family::none}, {"/usr/lib/libvulkan_lvp.so"});
  EXPECT_TRUE(none.files.readable.empty());
  EXPECT_TRUE(none.files.devices.empty());
  EXPECT_TRUE(none.files.process.empty());
  EXPECT_LT(none.allowed.lists.size(), policy({Family::mesa}).allowed.lists.size());
}

TEST(Policy, HesperViewSeesHowManyProcessorsThereAreAndWritesFilesOfAnySize) {
  const Policy view = policy({Family::view});
  EXPECT_THAT(view.files.readable, testing::Each(testing::ResultOf([](const auto& path) { return path.native(); },
                                                                   testing::StartsWith("/sys/devices/system/"))));
  EXPECT_TRUE(view.files.devices.empty());
  EXPECT_TRUE(view.files.process.empty());
  EXPECT_EQ(view.limits.file_size, std::nullopt);
  EXPECT_THAT(policy({Family::mesa, Family::view}).files.devices, Contains("/dev/dri"));
}

TEST(Policy, ADriversLibraryIsShownWithItsFolderButNotAFolderOfTheUsers) {
  const auto shown = [](const char* library) { return policy({Family::lavapipe}, {library}).files.readable; };
  EXPECT_THAT(shown("/home/user/mesa/lib/libvulkan_lvp.so"), Contains("/home/user/mesa/lib"));
  EXPECT_THAT(shown("/opt/vendor/lib/libvulkan.so"), Contains("/opt/vendor"));
  for (const char* library : {"/home/user/lib.so", "/home/lib.so", "/tmp/lib.so", "/lib.so"}) {
    EXPECT_THAT(shown(library), Contains(library));
    EXPECT_THAT(shown(library), Not(Contains(std::filesystem::path(library).parent_path())));
  }
}

TEST(Policy, AddressesAreLimitedButForNvidia) {
  EXPECT_GE(policy({Family::lavapipe}).limits.address_space, std::uint64_t{64} << 30);
  EXPECT_EQ(policy({Family::nvidia}).limits.address_space, std::nullopt);
  EXPECT_EQ(policy({Family::nvidia}, {}, {.address_space = 1 << 30}).limits.address_space, 1 << 30);
  EXPECT_EQ(policy({Family::lavapipe}, {}, {.address_space = 0}).limits.address_space, std::nullopt);
}

TEST(Policy, NoShaderCacheUnlessOneIsNamed) {
  EXPECT_THAT(policy({Family::mesa}).environment, Contains(testing::Pair("MESA_SHADER_CACHE_DISABLE", "true")));
  const Policy cached = policy({Family::mesa}, {}, {.shader_cache = "/cache"});
  EXPECT_THAT(cached.environment, Contains(testing::Pair("MESA_SHADER_CACHE_DIR", "/cache")));
  EXPECT_THAT(cached.files.writable, testing::ElementsAre("/cache"));
}

TEST(Policy, NvidiaFailsSilentlyUnlessAskedToReport) {
  EXPECT_TRUE(policy({Family::nvidia}).allowed.silent);
  EXPECT_TRUE(policy({Family::nvidia}).forbidden.silent);
  EXPECT_FALSE(policy({Family::nvidia}, {}, {.report_all = true}).allowed.silent);
  EXPECT_FALSE(policy({Family::lavapipe}).allowed.silent);
}

TEST(Level, NamesAreReadBack) {
  for (const Level level : {Level::off, Level::basic, Level::strict}) EXPECT_EQ(parse_level(name_of(level)), level);
  EXPECT_EQ(parse_level("Strict"), std::nullopt);
}

}  // namespace
}  // namespace hesper::sandbox
