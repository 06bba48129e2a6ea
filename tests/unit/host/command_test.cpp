// Commands to their end, in time, with what they write and what they leave behind.
#include "host/command.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <fstream>
#include <thread>
#include <vector>

#include "host/text.h"
#include "support/temporary_directory.h"

namespace hesper::host {
namespace {

using std::chrono::milliseconds;
constexpr milliseconds kLong{60'000};

Result<CommandOutput> shell(const std::string& script, milliseconds patience = kLong) {
  return run_command("/bin/sh", {"sh", "-c", script}, patience);
}

// Once it is dead and reaped by whoever has become its parent.
bool dies(pid_t process) {
  for (int i = 0; i < 3000; ++i) {
    std::ifstream stat("/proc/" + std::to_string(process) + "/stat");
    std::string line;
    if (::kill(process, 0) != 0 || (std::getline(stat, line) && line.contains(") Z "))) return true;
    std::this_thread::sleep_for(milliseconds(10));
  }
  return false;
}

TEST(Command, OutputErrorsAndStatusAreTold) {
  const auto answer = shell("echo out; echo err >&2; exit 7");
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->status, 7);
  EXPECT_EQ(answer->output, "out\n");
  EXPECT_EQ(answer->errors, "err\n");
}

TEST(Command, ASignalIsAStatusAsInAShell) {
  const auto answer = shell("kill -TERM $$");
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 128 + SIGTERM);
}

TEST(Command, HasNoStandardInputAndTheCLocale) {
  const auto answer = shell("cat; echo $LC_ALL; locale >/dev/null 2>&1; echo ${LANG-none}");
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->output, "C\nnone\n");
}

TEST(Command, OneThatIsNotThereIsEnoent) {
  const auto answer = run_command("/does/not/exist", {"nothing"}, kLong);
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, ENOENT);
}

TEST(Command, TooLateIsKilledWithWhatItHasStarted) {
  const test::TemporaryDirectory scratch;
  const auto file = scratch.path() / "child";
  const auto answer = shell("sleep 1000 & echo $! >" + file.native() + "; wait", milliseconds(1000));
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, ETIMEDOUT);
  EXPECT_THAT(answer.error().message, testing::HasSubstr("sleep 1000"));
  pid_t child = 0;
  ASSERT_TRUE(std::ifstream(file) >> child);
  EXPECT_TRUE(dies(child));
}

TEST(Command, WhatItLeavesBehindIsNotWaitedForAndKilled) {
  const auto answer = shell("sleep 1000 & echo $!");  // has our pipes
  ASSERT_TRUE(answer) << answer.error().message;
  const auto child = number_in(answer->output);
  ASSERT_TRUE(child);
  EXPECT_TRUE(dies(static_cast<pid_t>(*child)));
}

TEST(Command, ThatClosesItsOutputIsWaitedFor) {
  const auto answer = shell("exec >&- 2>&-; sleep 0.2; exit 3");
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 3);
}

TEST(Command, EndlessOutputIsAnError) {
  const auto answer = shell("yes");
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, EFBIG);
}

TEST(Command, LargeOutputToBothPipesComesWhole) {
  const auto answer = shell("head -c 300000 /dev/zero | tr '\\0' x; head -c 300000 /dev/zero | tr '\\0' y >&2");
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->output, std::string(300'000, 'x'));
  EXPECT_EQ(answer->errors, std::string(300'000, 'y'));
}

TEST(Command, ManyAtOnceDoNotMix) {
  std::vector<std::jthread> threads;
  std::array<std::string, 8> outputs;
  for (std::size_t i = 0; i < outputs.size(); ++i)
    threads.emplace_back([&, i] {
      if (const auto answer = shell("sleep 0.1; echo " + std::to_string(i))) outputs[i] = answer->output;
    });
  threads.clear();
  for (std::size_t i = 0; i < outputs.size(); ++i) EXPECT_EQ(outputs[i], std::to_string(i) + "\n");
}

}  // namespace
}  // namespace hesper::host
