// The serial console: our keys, and bytes both ways.
#include "vm/console.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <memory>

#include "platform/pipe.h"
#include "platform/signals.h"
#include "platform/socket.h"

namespace hesper::vm {
namespace {

using Key = EscapeKeys::Key;

TEST(EscapeKeys, TakesOursOnly) {
  EscapeKeys keys;
  auto typed = keys.take("ab\x01xc");
  EXPECT_EQ(typed.for_guest, "abc");
  EXPECT_EQ(typed.keys, std::vector{Key::shut_down});
  typed = keys.take("\x01\x01\x01h\x01q\x03");
  EXPECT_EQ(typed.for_guest, "\x01\x01q\x03");  // Ctrl-C, too, is the guest's
  EXPECT_EQ(typed.keys, std::vector{Key::help});
}

TEST(EscapeKeys, MayComeInParts) {
  EscapeKeys keys;
  EXPECT_EQ(keys.take("\x01").for_guest, "");
  const auto typed = keys.take("x");
  EXPECT_EQ(typed.for_guest, "");
  EXPECT_EQ(typed.keys, std::vector{Key::shut_down});
}

class ConsoleTest : public ::testing::Test {
 protected:
  void SetUp() override {
    platform::ignore_broken_pipes();
    auto pair = platform::create_socket_pair();
    ASSERT_TRUE(pair);
    guest_ = std::move(pair->first);
    console_ = std::make_unique<Console>(
        *loop_, std::move(pair->second),
        Console::Options{
            .input = input_.read_end.get(), .output = output_.write_end.get(), .keys = false, .on_key = {}});
  }
  void pump(int rounds = 20) {
    for (int i = 0; i < rounds; ++i) {
      loop_->run_once(std::chrono::milliseconds(0));
      if (console_->is_stuck()) console_->go_on();
    }
  }
  std::string read(int fd, std::size_t limit = 1 << 20) {
    std::string text(limit, '\0');
    const ssize_t size = ::read(fd, text.data(), text.size());
    text.resize(size > 0 ? static_cast<std::size_t>(size) : 0);
    return text;
  }

  std::unique_ptr<platform::EventLoop> loop_ = *platform::EventLoop::create();
  platform::Pipe input_ = *platform::create_pipe();
  platform::Pipe output_ = *platform::create_pipe();
  UniqueFd guest_;
  std::unique_ptr<Console> console_;
};

TEST_F(ConsoleTest, CopiesBothWays) {
  ASSERT_EQ(::write(guest_.get(), "boot", 4), 4);
  ASSERT_EQ(::write(input_.write_end.get(), "root\x01x", 6), 6);  // not a terminal: nothing is ours
  pump();
  EXPECT_EQ(read(output_.read_end.get()), "boot");
  EXPECT_EQ(read(guest_.get()), "root\x01x");
}

TEST_F(ConsoleTest, FullOutputDoesNotBlock) {
  ::fcntl(guest_.get(), F_SETFL, O_NONBLOCK);
  const std::string part(4096, 'x');
  std::size_t written = 0;
  for (int i = 0; i < 1000; ++i) {
    const ssize_t size = ::write(guest_.get(), part.data(), part.size());
    if (size > 0) written += static_cast<std::size_t>(size);
    pump();  // returns although nobody reads the output
  }
  loop_->run_once(std::chrono::milliseconds(0));
  EXPECT_TRUE(console_->is_stuck());
  std::size_t got = 0;
  for (int i = 0; i < 10'000 && got < written; ++i) {
    got += read(output_.read_end.get()).size();
    pump(5);
  }
  EXPECT_EQ(got, written);
}

TEST_F(ConsoleTest, FullGuestDoesNotBlock) {
  const std::string part(4096, 'y');
  std::size_t written = 0;
  for (int i = 0; i < 1000; ++i) {
    const ssize_t size = ::write(input_.write_end.get(), part.data(), part.size());
    if (size > 0) written += static_cast<std::size_t>(size);
    pump();
  }
  EXPECT_TRUE(console_->is_stuck());
  EXPECT_LT(written, 1000 * part.size());  // held back, not swallowed
  ::fcntl(guest_.get(), F_SETFL, O_NONBLOCK);
  std::size_t got = 0;
  for (int i = 0; i < 10'000 && got < written; ++i) {
    got += read(guest_.get()).size();
    pump(5);
  }
  EXPECT_EQ(got, written);
}

TEST_F(ConsoleTest, EndOfInputIsNoEnd) {
  input_.write_end = UniqueFd();
  pump();
  ASSERT_EQ(::write(guest_.get(), "on", 2), 2);
  pump();
  EXPECT_EQ(read(output_.read_end.get()), "on");
  EXPECT_FALSE(console_->is_stuck());
}

TEST_F(ConsoleTest, FinishPrintsWhatIsLeft) {
  ASSERT_EQ(::write(guest_.get(), "last words", 10), 10);
  guest_ = UniqueFd();
  console_->finish();
  EXPECT_EQ(read(output_.read_end.get()), "last words");
}

}  // namespace
}  // namespace hesper::vm
