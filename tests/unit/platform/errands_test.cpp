// Errands, here and in the other process.
#include "platform/errands.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <memory>
#include <optional>
#include <string>
#include <thread>

#include "platform/pipe.h"
#include "platform/signals.h"
#include "support/temporary_directory.h"

namespace hesper::platform {
namespace {

Errand process_id() {
  return [](std::uint32_t) -> Result<Brought> { return Brought{.text = std::to_string(::getpid())}; };
}

std::string text_of(Result<Brought> brought) { return brought ? brought->text : brought.error().message; }

TEST(Errands, AreDoneHereUntilTheOtherProcessBegins) {
  Errands errands;
  const Errand ask = errands.add(process_id());
  EXPECT_EQ(text_of(ask(0)), std::to_string(::getpid()));
  ASSERT_TRUE(errands.begin());
  EXPECT_NE(text_of(ask(0)), std::to_string(::getpid()));
  EXPECT_EQ(text_of(ask(0)), text_of(ask(0)));
}

TEST(Errands, BringFilesAndTextForANumber) {
  const test::TemporaryDirectory directory;
  const auto path = directory.write("file", "content");
  Errands errands;
  const Errand open = errands.add([path](std::uint32_t number) -> Result<Brought> {
    return Brought{.fd = UniqueFd(::open(path.c_str(), O_RDONLY)), .text = std::to_string(number)};
  });
  ASSERT_TRUE(errands.begin());
  for (const std::uint32_t number : {0u, 7u, ~0u}) {
    const auto brought = open(number);
    ASSERT_TRUE(brought);
    EXPECT_EQ(brought->text, std::to_string(number));
    std::array<char, 16> bytes{};
    EXPECT_EQ(::read(brought->fd.get(), bytes.data(), bytes.size()), 7);
    EXPECT_STREQ(bytes.data(), "content");
  }
}

TEST(Errands, BringErrors) {
  Errands errands;
  const Errand refuse =
      errands.add([](std::uint32_t number) -> Result<Brought> { return fail("No.", static_cast<int>(number)); });
  const Errand talk = errands.add(
      [](std::uint32_t) -> Result<Brought> { return Brought{.text = std::string(2 * kMostErrandText, 'x')}; });
  ASSERT_TRUE(errands.begin());
  const auto brought = refuse(EBUSY);
  ASSERT_FALSE(brought);
  EXPECT_EQ(brought.error().message, "No.");
  EXPECT_EQ(brought.error().code, EBUSY);
  EXPECT_EQ(text_of(talk(0)), std::string(kMostErrandText, 'x'));
}

TEST(Errands, DoNotWaitForEachOther) {
  Errands errands;
  // It waits until another one has been done.
  auto told = std::make_shared<std::atomic<bool>>(false);
  const Errand wait = errands.add([told](std::uint32_t) -> Result<Brought> {
    while (!*told) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    return Brought{.text = "told"};
  });
  const Errand tell = errands.add([told](std::uint32_t) -> Result<Brought> {
    *told = true;
    return Brought{};
  });
  ASSERT_TRUE(errands.begin());
  std::string said;
  std::thread waits([&] { said = text_of(wait(0)); });
  EXPECT_TRUE(tell(0));
  waits.join();
  EXPECT_EQ(said, "told");
}

TEST(Errands, WhatTheyHoldIsGivenBackInTheEnd) {
  const test::TemporaryDirectory directory;
  const auto path = directory.path() / "held";
  struct Holder {
    std::filesystem::path path;
    ~Holder() { std::filesystem::remove(path); }
  };
  {
    Errands errands;
    const Errand make =
        errands.add([path, holder = std::make_shared<std::optional<Holder>>()](std::uint32_t) -> Result<Brought> {
          holder->emplace(path);
          return Brought{.fd = UniqueFd(::open(path.c_str(), O_RDWR | O_CREAT, 0600))};
        });
    ASSERT_TRUE(errands.begin());
    ASSERT_TRUE(make(0));
    EXPECT_TRUE(std::filesystem::exists(path));
  }
  EXPECT_FALSE(std::filesystem::exists(path));
}

TEST(Errands, TheOtherProcessKeepsNoFileAndItsEndIsSaid) {
  ignore_broken_pipes();
  auto pipe = create_pipe();
  ASSERT_TRUE(pipe);
  Errands errands;
  const Errand ask = errands.add(process_id());
  ASSERT_TRUE(errands.begin());
  const pid_t other = std::stoi(text_of(ask(0)));
  // If it had a copy, reading would wait.
  pipe->write_end = UniqueFd();
  pollfd polled{.fd = pipe->read_end.get(), .events = POLLIN, .revents = 0};
  EXPECT_EQ(::poll(&polled, 1, 30'000), 1);
  EXPECT_NE(polled.revents & POLLHUP, 0);
  ::kill(other, SIGKILL);
  const auto brought = ask(0);
  ASSERT_FALSE(brought);
  EXPECT_EQ(brought.error().code, ECHILD);
}

}  // namespace
}  // namespace hesper::platform
