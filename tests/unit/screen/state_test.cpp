// State: the same token and ports the next time, and for nobody else's eyes.
#include "screen/state.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/temporary_directory.h"

namespace hesper::screen {
namespace {

TEST(State, IsThereAgainTheNextTime) {
  const test::TemporaryDirectory folder;
  const auto file = folder.path() / "state";
  std::string token;
  {
    auto state = State::open(file);
    ASSERT_TRUE(state) << state.error().message;
    EXPECT_FALSE(state->is_known());
    token = state->token();
    EXPECT_EQ(token.size(), 64u);
    EXPECT_EQ(state->port("web"), std::nullopt);
    state->remember_port("web", 8080);
    state->remember_port("vnc", 5900);
    state->remember_port("web", 8081);
  }
  struct stat info{};
  ASSERT_EQ(::stat(file.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
  auto again = State::open(file);
  ASSERT_TRUE(again);
  EXPECT_TRUE(again->is_known());
  EXPECT_EQ(again->token(), token);
  EXPECT_EQ(again->port("web"), 8081);
  EXPECT_EQ(again->port("vnc"), 5900);
}

TEST(State, WithoutAFileIsNewEachTime) {
  auto one = State::open({});
  auto other = State::open({});
  ASSERT_TRUE(one && other);
  EXPECT_NE(one->token(), other->token());
  one->remember_port("web", 1);
  EXPECT_EQ(one->port("web"), 1);
}

TEST(State, IsNotReadFromAnythingElse) {
  const test::TemporaryDirectory folder;
  EXPECT_FALSE(State::open(folder.write("short", "abc\n")));
  EXPECT_FALSE(State::open(folder.write("shouted", std::string(64, 'A') + "\n")));
  EXPECT_FALSE(State::open(folder.write("empty", "")));
  EXPECT_FALSE(State::open(folder.path() / "none/state")) << "it cannot be written";
  const auto good = folder.write("good", std::string(64, 'a') + "\n");
  ASSERT_EQ(::symlink(good.c_str(), (folder.path() / "link").c_str()), 0);
  EXPECT_FALSE(State::open(folder.path() / "link"));
}

}  // namespace
}  // namespace hesper::screen
