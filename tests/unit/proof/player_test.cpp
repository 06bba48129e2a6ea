// The host's end of the line, and guests that stop, lie or go on for ever.
#include "proof/player.h"

#include <gtest/gtest.h>

#include <cerrno>

#include "fake_guest.h"

namespace hesper::proof {
namespace {

using test::FakeGuest;

TEST(Player, SaysLinesAndReadsTheirAnswers) {
  std::vector<std::string> heard;
  FakeGuest guest(
      [&](const std::string& line) -> std::string {
        heard.push_back(line);
        if (line.starts_with("submit")) return "answer 7 0011z16";
        if (line.starts_with("repeat")) return "took 1 2 type 1100";
        if (line.starts_with("paint")) return "done";
        if (line.starts_with("read")) return "bytes 0102";
        if (line.starts_with("hash")) return "hash abc";
        return "clock 5";
      },
      "hesper guest 1\ngpu 1 2 3 4\n");
  {
    Player player = guest.player();
    EXPECT_TRUE(player.greet());
    EXPECT_EQ(player.start().value().canvas_size, 4u);
    EXPECT_EQ(player.submit(std::vector<std::byte>(24, std::byte{1})).value().bytes.size(), 24u);
    EXPECT_EQ(player.repeat(2).value().ticks.size(), 2u);
    EXPECT_TRUE(player.paint(0x100, 1024, 64, 48, 0xff00ff));
    EXPECT_EQ(player.read(4096, 2).value().size(), 2u);
    EXPECT_EQ(player.hash(0x200000, 0x30000).value(), 0xabcu);
    EXPECT_EQ(player.clock().value(), 5u);
  }
  ASSERT_EQ(heard.size(), 6u);
  EXPECT_EQ(heard[1], "repeat 2");
  EXPECT_EQ(heard[2], "paint 100 400 40 30 ff00ff");
  EXPECT_EQ(heard[3], "read 1000 2");
  EXPECT_EQ(heard[4], "hash 200000 30000");
  EXPECT_EQ(heard[5], "clock");
}

TEST(Player, AnAnswerToSomethingElseIsAnError) {
  FakeGuest guest([](const std::string&) { return "clock 5"; }, "hello\n");
  Player player = guest.player();
  EXPECT_EQ(player.greet().error().code, EPROTO);
  EXPECT_EQ(player.hash(0, 4).error().code, EPROTO);
  EXPECT_EQ(player.paint(0, 4, 1, 1, 0).error().code, EPROTO);
}

TEST(Player, TheEndOfTheLineIsAnError) {
  FakeGuest guest([](const std::string&) { return ""; });
  Player player = guest.player();
  EXPECT_EQ(player.clock().error().code, EPIPE);
}

TEST(Player, SilenceEndsAtTheDeadline) {
  FakeGuest guest([](const std::string&) { return "clock 1"; });
  Player player = guest.player([] { return Result<void>(); }, std::chrono::milliseconds(30));
  EXPECT_EQ(player.greet().error().code, ETIMEDOUT);
}

TEST(Player, WhoWatchesEndsTheWait) {
  FakeGuest guest([](const std::string&) { return "clock 1"; });
  Player player = guest.player([] { return Result<void>(fail("QEMU is gone.", ECHILD)); });
  const auto greeted = player.greet();
  ASSERT_FALSE(greeted);
  EXPECT_EQ(greeted.error().message, "QEMU is gone.");
}

TEST(Player, ALineWithoutEndIsAnError) {
  FakeGuest guest([](const std::string&) { return "clock 1"; }, std::string(kLongestLine + 5000, 'a'));
  Player player = guest.player();
  EXPECT_EQ(player.greet().error().code, EPROTO);
}

}  // namespace
}  // namespace hesper::proof
