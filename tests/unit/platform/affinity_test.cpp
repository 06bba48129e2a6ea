// Affinity: of threads of ours; elsewhere than on Linux a sentence.
#include "platform/affinity.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>

#include "platform/process.h"

namespace hesper::platform {
namespace {

TEST(Affinity, IsSetAndRestoredOrSaidToBeImpossible) {
  const auto before = processors_of(0);
  if (!before) {
    EXPECT_EQ(before.error().code, ENOTSUP);
    EXPECT_EQ(set_processors(0, std::vector<unsigned>{0}).error().code, ENOTSUP);
    return;
  }
  ASSERT_FALSE(before->empty());
  EXPECT_TRUE(std::ranges::is_sorted(*before));
  const std::vector<unsigned> one = {before->back()};
  ASSERT_TRUE(set_processors(0, one));
  EXPECT_EQ(processors_of(0).value_or(std::vector<unsigned>{}), one);
  ASSERT_TRUE(set_processors(0, *before));
  EXPECT_EQ(processors_of(0).value_or(std::vector<unsigned>{}), *before);
}

TEST(Affinity, RefusesWhatIsNotThere) {
  EXPECT_FALSE(set_processors(0, std::vector<unsigned>{}));
  EXPECT_FALSE(set_processors(0, std::vector<unsigned>{1u << 30}));
  EXPECT_FALSE(processors_of(0x7fff'fff0));
  EXPECT_TRUE(threads_of(0x7fff'fff0).empty());
  EXPECT_TRUE(descendants_of(0x7fff'fff0).empty());
}

TEST(Affinity, ThreadsAndDescendantsAreFound) {
  const auto threads = threads_of(::getpid());
  if (threads.empty()) return;  // a system that does not tell
  EXPECT_EQ(threads.front().thread, ::getpid());
  EXPECT_EQ(threads.front().process, ::getpid());
  EXPECT_EQ(threads, threads_of(::getpid()));
  const auto child = spawn({.program = "/bin/sleep",
                            .arguments = {"sleep", "1000"},
                            .environment = environment_of_this_process(),
                            .fds = {},
                            .new_session = true});
  ASSERT_TRUE(child);
  EXPECT_TRUE(std::ranges::contains(descendants_of(::getpid()), *child));
  ASSERT_EQ(threads_of(*child).size(), 1u);
  EXPECT_GE(threads_of(*child).front().started, threads.front().started);
  ::kill(*child, SIGKILL);
  static_cast<void>(wait_for_child(*child));
  EXPECT_TRUE(threads_of(*child).empty());
}

}  // namespace
}  // namespace hesper::platform
