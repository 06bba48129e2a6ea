// Runtime folders: who has which name, and what is left of those who died.
#include "vm/runtime_folder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/temporary_directory.h"

namespace hesper::vm {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
namespace fs = std::filesystem;

class RuntimeFolderTest : public ::testing::Test {
 protected:
  [[nodiscard]] Result<RuntimeFolder> claim(std::string_view name, bool wanted = false) const {
    return RuntimeFolder::claim(folder_.path(), name, wanted);
  }
  // What is left of a machine whose launcher was killed.
  void leave_behind(const char* name) const {
    auto machine = claim(name);
    ASSERT_TRUE(machine);
    std::ofstream(machine->path() / "gpu") << "x";
    machine->forget();
  }
  const test::TemporaryDirectory folder_;
};

TEST_F(RuntimeFolderTest, IsPrivateAndGoesWithItsOwner) {
  {
    const auto machine = claim("a");
    ASSERT_TRUE(machine) << machine.error().message;
    struct stat info{};
    ASSERT_EQ(::stat(machine->path().c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 0777, 0700u);
    EXPECT_TRUE(fs::exists(control_socket(machine->path())));
    std::ofstream(machine->path() / "more") << "x";
  }
  EXPECT_FALSE(fs::exists(folder_.path() / "a"));
}

TEST_F(RuntimeFolderTest, NamesAreOfOne) {
  const auto first = claim("a");
  const auto second = claim("a");
  ASSERT_TRUE(first && second);
  EXPECT_EQ(first->name(), "a");
  EXPECT_EQ(second->name(), "a-2");
  const auto third = claim("a", true);
  ASSERT_FALSE(third);
  EXPECT_EQ(third.error().code, EADDRINUSE);
  EXPECT_THAT(third.error().message, HasSubstr("hesper stop a"));
  EXPECT_THAT(running_machines(folder_.path()), ElementsAre(folder_.path() / "a", folder_.path() / "a-2"));
}

TEST_F(RuntimeFolderTest, RemainsOfTheDeadAreReplaced) {
  leave_behind("a");
  ASSERT_TRUE(fs::exists(folder_.path() / "a" / "gpu"));
  EXPECT_THAT(running_machines(folder_.path()), IsEmpty());
  const auto again = claim("a", true);
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_FALSE(fs::exists(again->path() / "gpu"));
}

TEST_F(RuntimeFolderTest, KeeperRemovesWhatItOpenedAndNothingElse) {
  leave_behind("a");
  {
    const auto kept = RuntimeFolder::open(folder_.path() / "a");
    ASSERT_TRUE(kept);
  }
  EXPECT_FALSE(fs::exists(folder_.path() / "a"));

  leave_behind("b");
  auto kept = RuntimeFolder::open(folder_.path() / "b");
  ASSERT_TRUE(kept);
  const auto next = claim("b", true);
  ASSERT_TRUE(next);
  {
    const RuntimeFolder gone = std::move(*kept);
  }
  EXPECT_TRUE(fs::exists(control_socket(folder_.path() / "b")));
}

TEST_F(RuntimeFolderTest, MachinesAreFound) {
  EXPECT_THAT(find_machine(folder_.path(), "").error().message, HasSubstr("No virtual machine runs"));
  const auto first = claim("a");
  EXPECT_EQ(find_machine(folder_.path(), ""), folder_.path() / "a");
  const auto second = claim("b");
  EXPECT_THAT(find_machine(folder_.path(), "").error().message, HasSubstr("name one of a, b"));
  EXPECT_EQ(find_machine(folder_.path(), "b"), folder_.path() / "b");
  for (const char* name : {"c", "../a", ".", "a/"}) EXPECT_FALSE(find_machine(folder_.path(), name)) << name;
}

TEST_F(RuntimeFolderTest, RootIsOursAlone) {
  const auto root = runtime_root(folder_.path().native());
  ASSERT_TRUE(root) << root.error().message;
  EXPECT_EQ(*root, folder_.path() / "hesper");
  ::chmod(root->c_str(), 0755);
  EXPECT_THAT(runtime_root(folder_.path().native()).error().message, HasSubstr("0700"));
  fs::remove(*root);
  fs::create_symlink("/tmp", *root);
  EXPECT_FALSE(runtime_root(folder_.path().native()));
}

TEST(RuntimeRoot, HasAFallback) {
  const std::string fallback = "/tmp/hesper-" + std::to_string(::geteuid());
  EXPECT_EQ(runtime_root(std::nullopt), fallback);
  EXPECT_EQ(runtime_root("relative"), fallback);
  EXPECT_EQ(runtime_root("/" + std::string(100, 'x')), fallback);
  ::rmdir(fallback.c_str());  // if nothing else is in it
}

}  // namespace
}  // namespace hesper::vm
