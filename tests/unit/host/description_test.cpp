// Descriptions: what their text means, and what is said of text that means nothing.
#include "host/description.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>

#include "host/described.h"
#include "host/sections.h"

namespace hesper::host {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

TEST(Description, FilesHaveTheirLines) {
  const auto host = test::described(
      "# a comment\n\n@ file /a\none\n\\@ two\n\\\\three\n@ file /b no-end\nx\n@ file /c hex\n00 ff\n0a\n@ file /d\n");
  EXPECT_EQ(host->read("/a"), "one\n@ two\n\\three\n");
  EXPECT_EQ(host->read("/b"), "x");
  EXPECT_EQ(host->read("/c"), std::string("\0\xff\n", 3));
  EXPECT_EQ(host->read("/d"), "");
  EXPECT_EQ(host->read("/e").error().code, ENOENT);
  EXPECT_EQ(host->read("/").error().code, EISDIR);
  EXPECT_EQ(host->read("/../a/./"), "one\n@ two\n\\three\n");
}

TEST(Description, FoldersFollowFromWhatIsInThem) {
  const auto host = test::described("@ file /a/b/c\n@ folder /a/e\n@ folder /a/f\nx\ny\n@ link /a/l b\n");
  EXPECT_EQ(host->list("/a"), (std::vector<std::string>{"b", "e", "f", "l"}));
  EXPECT_EQ(host->list("/a/e"), std::vector<std::string>());
  EXPECT_EQ(host->list("/a/f"), (std::vector<std::string>{"x", "y"}));
  EXPECT_EQ(host->list("/a/l"), std::vector<std::string>{"c"});
  EXPECT_EQ(host->list("/a/b/c").error().code, ENOTDIR);
  EXPECT_EQ(host->list("/none").error().code, ENOENT);
  EXPECT_EQ(host->status("/a/f")->kind, FileStatus::Kind::folder);
  EXPECT_TRUE(host->status("/a/f/x"));
  EXPECT_FALSE(host->status("/a/f/z"));
}

TEST(Description, LinksAreFollowedOnTheWay) {
  const auto host = test::described(
      "@ link /sys/class/drm/card0 ../../devices/gpu/drm/card0\n@ file /sys/devices/gpu/drm/card0/dev\n226:0\n"
      "@ link /loop /loop\n@ link /a /b\n@ link /b /sys/class\n");
  EXPECT_EQ(host->read_link("/sys/class/drm/card0"), "../../devices/gpu/drm/card0");
  EXPECT_EQ(host->read("/sys/class/drm/card0/dev"), "226:0\n");
  EXPECT_EQ(host->read("/a/drm/card0/dev"), "226:0\n");
  EXPECT_EQ(host->read_link("/a/drm/card0"), "../../devices/gpu/drm/card0");
  EXPECT_EQ(host->read("/loop").error().code, ELOOP);
  EXPECT_EQ(host->read_link("/sys/devices").error().code, EINVAL);
  EXPECT_EQ(host->read_link("/none").error().code, ENOENT);
}

TEST(Description, RightsFollowFromOwnersUnlessTold) {
  const auto host = test::described(
      "@ user alice 1000 alice render\n@ file /render device 0660 root:render\n@ file /kvm device 0660 root:kvm\n"
      "@ file /own file 0600 alice:alice\n@ file /told device 0660 root:kvm\n@ may read_write /told\n"
      "@ file /refused device 0666 root:root\n@ may not EPERM read_write /refused\n");
  EXPECT_TRUE(host->may(Access::read_write, "/render"));
  EXPECT_EQ(host->may(Access::read_write, "/kvm").error().code, EACCES);
  EXPECT_TRUE(host->may(Access::read_write, "/own"));
  EXPECT_FALSE(host->may(Access::execute, "/own"));
  EXPECT_TRUE(host->may(Access::read_write, "/told"));
  EXPECT_EQ(host->may(Access::read_write, "/refused").error().code, EPERM);
  EXPECT_TRUE(host->may(Access::read, "/refused"));
  EXPECT_EQ(host->may(Access::read, "/none").error().code, ENOENT);
  EXPECT_EQ(host->read("/kvm").error().code, EINVAL);
}

TEST(Description, RootMayAll) {
  const auto host = test::described("@ user root 0 root\n@ file /kvm device 0600 other:other\n");
  EXPECT_TRUE(host->may(Access::read_write, "/kvm"));
  EXPECT_FALSE(host->may(Access::execute, "/kvm"));
}

TEST(Description, ErrorsAreAsTold) {
  const auto host =
      test::described("@ error EACCES /secret\n@ file /locked file 0600 root:root\n@ error EIO /locked\n");
  EXPECT_EQ(host->read("/secret").error().code, EACCES);
  EXPECT_EQ(host->list("/secret").error().code, EACCES);
  EXPECT_EQ(host->status("/secret").error().code, EACCES);
  EXPECT_EQ(host->read("/locked").error().code, EIO);
  EXPECT_EQ(host->status("/locked")->mode, 0600u);
}

TEST(Description, CommandsAnswerToTheirWords) {
  const auto host = test::described(
      "@ command 3 tool 'a b' \"c\\\"d\"\nout\n@ errors no-end\nerr\n@ fails ETIMEDOUT slow --now\n"
      "@ program /opt/bin/other\n@ command 0 hex bytes\nff\n");
  const auto answer = host->run({"tool", "a b", "c\"d"});
  ASSERT_TRUE(answer);
  EXPECT_EQ(*answer, (CommandOutput{.status = 3, .output = "out\n", .errors = "err"}));
  EXPECT_EQ(host->run({"bytes"})->output, "\xff");
  EXPECT_EQ(host->run({"slow", "--now"}).error().code, ETIMEDOUT);
  EXPECT_THAT(host->run({"tool"}).error().message, HasSubstr("does not tell"));
  EXPECT_EQ(host->run({"none"}).error().code, ENOENT);
  EXPECT_EQ(host->find_program("tool"), "/usr/bin/tool");
  EXPECT_EQ(host->find_program("other"), "/opt/bin/other");
  EXPECT_EQ(host->find_program("/opt/bin/other"), "/opt/bin/other");
  EXPECT_FALSE(host->find_program("none"));
}

TEST(Description, VariablesUsersAndHolders) {
  const auto host =
      test::described("@ variable A 'b c'\n@ variable E ''\n@ user alice 1 alice kvm\n@ holder /dev/x 7 Xorg\n");
  EXPECT_EQ(host->variable("A"), "b c");
  EXPECT_EQ(host->variable("E"), "");
  EXPECT_FALSE(host->variable("B"));
  EXPECT_EQ(host->user(), (User{.name = "alice", .id = 1, .groups = {"alice", "kvm"}}));
  EXPECT_THAT(host->holders({"/dev/x"}), ElementsAre(Holder{.file = "/dev/x", .process = 7, .program = "Xorg"}));
  EXPECT_TRUE(host->holders({"/dev/y"}).empty());
}

TEST(Description, CommentsMayStandAnywhere) {
  const auto host = test::described("@ file /a\nx\n@ # about b\nmore of it\n@ file /b\ny\n");
  EXPECT_EQ(host->read("/a"), "x\n");
  EXPECT_EQ(host->read("/b"), "y\n");
}

struct Wrong {
  const char* text;
  const char* says;
};

TEST(Description, WhatCannotBeUnderstoodIsTold) {
  const Wrong cases[] = {
      {"hello\n", "Line 1"},
      {"@ file /a\nx\n@nothing\n", "Line 3"},
      {"@ hello\n", "no section \"hello\""},
      {"@ file\n", "path is missing"},
      {"@ file a\n", "no absolute path"},
      {"@ file /a\n@ file /a\n", "Line 2 of the description: This path is there twice."},
      {"@ file /a device 0999 root:root\n", "kind, mode and owner"},
      {"@ file /a device 0660\n", "kind, mode and owner"},
      {"@ file /a device 0660 root:root\nx\n", "Only files have lines"},
      {"@ file /a hex\nxy\n", "Line 1 of the description: What follows are no hexadecimal digits"},
      {"@ file /a hex\n0\n", "hexadecimal"},
      {"@ link /a\n", "a path and a target"},
      {"@ link /a b\nx\n", "has no lines"},
      {"@ folder /a\nb/c\n", "no name in a folder"},
      {"@ error EWHAT /a\n", "An error is told"},
      {"@ may sing /a\n", "A right is told"},
      {"@ may not EWHAT read /a\n", "no error"},
      {"@ command uname\n", "exit status first"},
      {"@ command 0\n", "exit status first"},
      {"@ command 0 a\n@ command 0 a\n", "there twice"},
      {"@ errors\nx\n", "follows a command"},
      {"@ command 0 a\n@ folder /b\n@ errors\n", "follows a command"},
      {"@ program a\n", "absolute path"},
      {"@ variable A\n", "a name and a value"},
      {"@ user a\n", "There is one user"},
      {"@ user a 1\n@ user b 2\n", "There is one user"},
      {"@ holder /a x y\n", "A holder is told"},
      {"@ variable 'a b\n", "quote is not closed"},
      {"@ \n", "no name"},
  };
  for (const Wrong& each : cases) {
    const auto host = described_system(each.text);
    ASSERT_FALSE(host) << each.text;
    EXPECT_THAT(host.error().message, HasSubstr(each.says)) << each.text;
  }
}

TEST(Description, PathsAreNoDeeperThanAFileSystemHasThem) {
  std::string deep = "@ file ";
  for (int i = 0; i < 2000; ++i) deep += "/a";
  EXPECT_FALSE(described_system(deep + "\n"));
  EXPECT_FALSE(described_system("@ file /" + std::string(5000, 'a') + "\n"));
}

TEST(Sections, TheirTextGivesThemAgain) {
  Sections sections;
  sections.files["/a"] = {.text = "@x\n\\y\n\nz", .status = FileStatus{.mode = 0640, .owner = "o", .group = "g"}};
  sections.files["/bytes"] = {.text = std::string("\0\x1b", 2)};
  sections.files["/empty"] = {.text = ""};
  sections.files["/link"] = {.link = "some where"};
  sections.files["/folder"] = {.names = std::set<std::string>{"a", "b c"}};
  sections.files["/secret"] = {
      .status = FileStatus{.kind = FileStatus::Kind::device, .mode = 0600, .owner = "root", .group = "0"},
      .error = EACCES};
  sections.rights[{"/a", Access::read_write}] = EPERM;
  sections.rights[{"/a", Access::read}] = 0;
  sections.commands[{"tool", "it's"}] = {.output = {.status = 1, .output = "x\xff", .errors = "y"}};
  sections.commands[{"slow"}] = {.error = ETIMEDOUT};
  sections.programs = {"/opt/a b"};
  sections.variables["X"] = "'";
  sections.holders.insert({.file = "/dev/x", .process = 1, .program = "a b"});
  sections.user = User{.name = "u", .id = 5, .groups = {"g"}};
  const std::string text = text_of(sections);
  const auto again = parse_sections(text);
  ASSERT_TRUE(again) << again.error().message << text;
  EXPECT_EQ(text_of(*again), text);
  EXPECT_EQ(again->files.at("/a").text, "@x\n\\y\n\nz");
  EXPECT_EQ(again->files.at("/bytes").text, sections.files.at("/bytes").text);
  EXPECT_EQ((again->commands.at({"tool", "it's"}).output.output), "x\xff");
  EXPECT_EQ(again->commands.at({"slow"}).error, ETIMEDOUT);
}

}  // namespace
}  // namespace hesper::host
