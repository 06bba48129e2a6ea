// SignalPipe: which signals arrive, and which it leaves alone.
#include "platform/signals.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <array>

namespace hesper::platform {
namespace {

TEST(SignalPipe, TellsSignalsInOrderAndWhoSentThem) {
  auto pipe = SignalPipe::install(std::array{SIGUSR1, SIGUSR2});
  ASSERT_TRUE(pipe) << pipe.error().message;
  EXPECT_TRUE(pipe->take().empty());
  ::kill(::getpid(), SIGUSR1);
  ::kill(::getpid(), SIGUSR2);
  const auto received = pipe->take();
  ASSERT_EQ(received.size(), 2u);
  EXPECT_EQ(received[0].number, SIGUSR1);
  EXPECT_EQ(received[1].number, SIGUSR2);
  EXPECT_TRUE(received[0].from_process);
}

TEST(SignalPipe, LeavesIgnoredSignalsIgnored) {
  ::signal(SIGHUP, SIG_IGN);
  {
    auto pipe = SignalPipe::install(std::array{SIGHUP});
    ASSERT_TRUE(pipe);
    ::kill(::getpid(), SIGHUP);
    EXPECT_TRUE(pipe->take().empty());
  }
  EXPECT_EQ(::signal(SIGHUP, SIG_DFL), SIG_IGN);
}

TEST(SignalPipe, RestoresTheDefaultAction) {
  {
    ASSERT_TRUE(SignalPipe::install(std::array{SIGUSR1}));
  }
  EXPECT_EQ(::signal(SIGUSR1, SIG_DFL), SIG_DFL);
}

}  // namespace
}  // namespace hesper::platform
