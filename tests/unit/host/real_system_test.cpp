// This machine, and trees of files in its place.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>

#include "base/unique_fd.h"
#include "host/system.h"
#include "support/temporary_directory.h"

namespace hesper::host {
namespace {

class RealSystem : public testing::Test {
 protected:
  void write_program(const std::filesystem::path& name, const std::string& text) const {
    std::filesystem::permissions(tree_.write(name, text), std::filesystem::perms::owner_all);
  }

  const test::TemporaryDirectory tree_;
  const std::unique_ptr<System> system_ = real_system(tree_.path(), tree_.path() / "own");
};

TEST_F(RealSystem, ReadsFilesBelowItsRoot) {
  tree_.write("etc/name", "hesper\n");
  EXPECT_EQ(system_->read("/etc/name"), "hesper\n");
  const auto missing = system_->read("/etc/other");
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, ENOENT);
  EXPECT_THAT(missing.error().message, testing::HasSubstr("'/etc/other'"));
}

TEST_F(RealSystem, WhatIsNoFileIsNotReadAndDoesNotBlock) {
  tree_.write("etc/name");
  ASSERT_EQ(::mkfifo((tree_.path() / "fifo").c_str(), 0600), 0);
  EXPECT_EQ(system_->read("/etc").error().code, EISDIR);
  EXPECT_EQ(system_->read("/fifo").error().code, EINVAL);
  EXPECT_EQ(real_system("/", "/none")->read("/dev/zero").error().code, EINVAL);
}

TEST_F(RealSystem, FilesThatAreTooLongAreErrors) {
  tree_.write("fits", std::string(kMostText, 'x'));
  tree_.write("long", std::string(kMostText + 1, 'x'));
  EXPECT_TRUE(system_->read("/fits"));
  EXPECT_EQ(system_->read("/long").error().code, EFBIG);
  EXPECT_TRUE(system_->excerpt("/long", {"y"}));
}

TEST_F(RealSystem, FilesWithoutSizesAreRead) {
  const auto text = real_system("/", "/none")->read("/proc/self/limits");
  if (!std::filesystem::exists("/proc/self/limits")) return;  // of Linux only
  EXPECT_THAT(text.value_or(""), testing::HasSubstr("Max open files"));
}

TEST_F(RealSystem, ListsAreSorted) {
  for (const char* name : {"d/c", "d/a", "d/b"}) tree_.write(name);
  EXPECT_EQ(system_->list("/d"), (std::vector<std::string>{"a", "b", "c"}));
  EXPECT_EQ(system_->list("/none").error().code, ENOENT);
  EXPECT_EQ(system_->list("/d/a").error().code, ENOTDIR);
}

TEST_F(RealSystem, LinksAreReadAndFollowed) {
  tree_.write("to", "there");
  std::filesystem::create_symlink("to", tree_.path() / "link");
  EXPECT_EQ(system_->read_link("/link"), "to");
  EXPECT_EQ(system_->read("/link"), "there");
  EXPECT_EQ(system_->read_link("/to").error().code, EINVAL);
}

TEST_F(RealSystem, StatusTellsKindAndNames) {
  ::chmod(tree_.write("file").c_str(), 0640);
  const auto status = system_->status("/file");
  ASSERT_TRUE(status);
  EXPECT_EQ(status->kind, FileStatus::Kind::file);
  EXPECT_EQ(status->mode, 0640u);
  EXPECT_EQ(status->owner, system_->user().name);
  EXPECT_EQ(real_system("/", "/none")->status("/dev/null")->kind, FileStatus::Kind::device);
}

TEST_F(RealSystem, ADeviceMayBeUsedThatOpens) {
  const auto system = real_system("/", "/none");
  EXPECT_TRUE(system->may(Access::read_write, "/dev/null"));
  EXPECT_EQ(system->may(Access::read, "/dev/none").error().code, ENOENT);
  tree_.write("file");
  EXPECT_TRUE(system_->may(Access::read_write, "/file"));
  EXPECT_FALSE(system_->may(Access::execute, "/file"));
}

TEST_F(RealSystem, OwnProgramsComeFirstAndTheOthersByPath) {
  write_program("own/hesper-render", "#!/bin/sh\necho own\n");
  write_program("own/other", "#!/bin/sh\n");
  write_program("usr/sbin/tool", "#!/bin/sh\n");
  tree_.write("usr/bin/plain");  // not executable
  EXPECT_EQ(system_->find_program("hesper-render"), tree_.path() / "own/hesper-render");
  EXPECT_EQ(system_->find_program("tool"), "/usr/sbin/tool");
  for (const char* name : {"other", "plain", "none", "", "..", "own/other"})
    EXPECT_FALSE(system_->find_program(name)) << name;
}

TEST_F(RealSystem, RunsThemByNameAndByPath) {
  write_program("own/hesper-render", "#!/bin/sh\necho $1\n");
  write_program("usr/bin/tool", "#!/bin/sh\necho tool\n");
  EXPECT_EQ(system_->run({"hesper-render", "a b"})->output, "a b\n");
  EXPECT_EQ(system_->run({"tool"})->output, "tool\n");
  EXPECT_EQ(system_->run({"/usr/bin/tool"})->output, "tool\n");
  EXPECT_EQ(system_->run({"none"}).error().code, ENOENT);
  EXPECT_EQ(system_->run({}).error().code, EINVAL);
}

TEST_F(RealSystem, TheUserHasGroups) {
  const User user = system_->user();
  EXPECT_EQ(user.id, ::geteuid());
  EXPECT_FALSE(user.name.empty());
  EXPECT_FALSE(user.groups.empty());
}

TEST_F(RealSystem, WhoHoldsAFileIsFound) {
  if (!std::filesystem::exists("/proc/self/fd")) return;  // of Linux only
  const auto file = tree_.write("held");
  const UniqueFd held(::open(file.c_str(), O_RDONLY | O_CLOEXEC));
  const auto holders = real_system("/", "/none")->holders({file});
  ASSERT_EQ(holders.size(), 1u);
  EXPECT_EQ(holders[0].process, static_cast<std::uint32_t>(::getpid()));
  EXPECT_EQ(holders[0].program, "host_test");
}

}  // namespace
}  // namespace hesper::host
