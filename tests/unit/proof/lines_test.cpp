// What the player says, and what somebody could say in its place.
#include "proof/lines.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <random>
#include <string>

namespace hesper::proof {
namespace {

using testing::HasSubstr;

std::vector<std::byte> bytes_of(std::initializer_list<int> values) {
  std::vector<std::byte> result;
  for (const int value : values) result.push_back(static_cast<std::byte>(value));
  return result;
}

TEST(Lines, RequestsAreDigitsWithRunsOfZerosCounted) {
  EXPECT_EQ(submit_line(bytes_of({})), "submit ");
  EXPECT_EQ(submit_line(bytes_of({0x01, 0xfe, 0x00, 0xa0})), "submit 01fe00a0");
  EXPECT_EQ(submit_line(bytes_of({0x01, 0, 0, 0, 0x02, 0, 0})), "submit 01z0302z02");
  EXPECT_EQ(submit_line(std::vector<std::byte>(256)), "submit zff00");
  EXPECT_EQ(submit_line(std::vector<std::byte>(257)), "submit zffz02");
}

TEST(Lines, WhatIsSubmittedIsReadBack) {
  std::mt19937 random(1);
  for (int round = 0; round < 200; ++round) {
    std::vector<std::byte> bytes(random() % 700);
    for (auto& byte : bytes) byte = random() % 3 == 0 ? static_cast<std::byte>(random()) : std::byte{0};
    const std::string line = submit_line(bytes);
    const auto answer = parse_answer("answer 0 " + line.substr(line.find(' ') + 1));
    ASSERT_TRUE(answer) << line;
    EXPECT_EQ(answer->bytes, bytes);
  }
}

TEST(Lines, GoodOnesAreTaken) {
  const auto start = parse_start("gpu 13000001f 100000000 22b000 100000");
  ASSERT_TRUE(start);
  EXPECT_EQ(start->features, 0x1'3000'001fu);
  EXPECT_EQ(start->window_size, 0x1'0000'0000u);
  EXPECT_EQ(start->canvas, 0x22b000u);
  EXPECT_EQ(start->canvas_size, 0x100000u);
  const auto answer = parse_answer("answer 1f 0011z04ff");
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->ticks, 0x1fu);
  EXPECT_EQ(answer->bytes, bytes_of({0x00, 0x11, 0, 0, 0, 0, 0xff}));
  const auto rounds = parse_rounds("took 1 2 a type 1100", 3);
  ASSERT_TRUE(rounds);
  EXPECT_EQ(rounds->ticks, (std::vector<std::uint64_t>{1, 2, 10}));
  EXPECT_EQ(rounds->type, 0x1100u);
  EXPECT_EQ(parse_bytes("bytes z02aa", 3), bytes_of({0, 0, 0xaa}));
  EXPECT_EQ(parse_value("hash ffffffffffffffff", "hash"), ~std::uint64_t{0});
  EXPECT_TRUE(parse_done("done"));
}

TEST(Lines, ProblemsAreSentences) {
  for (const char* word :
       {"absent", "not-modern", "no-place", "no-place-for-window", "features", "needs-reset", "unknown-machine"}) {
    const auto start = parse_start(std::string("problem ") + word);
    ASSERT_FALSE(start) << word;
    EXPECT_EQ(start.error().code, ENODEV) << word;
    EXPECT_THAT(start.error().message, testing::EndsWith(".")) << word;
  }
  EXPECT_EQ(parse_start("problem nonsense").error().code, EPROTO);
}

// Each is no answer to anything.
const char* const kHostile[] = {
    "",
    " ",
    "refused",
    "gpu",
    "gpu ",
    "gpu 1 2 3",
    "gpu 1 2 3 4 5",
    "gpu 1  2 3 4",
    "gpu -1 2 3 4",
    "gpu +1 2 3 4",
    "gpu 0x1 2 3 4",
    "gpu 1 2 3 4 ",
    "gpu 1 2 3 4\r",
    "gpu 11111111111111111 2 3 4",
    "gpu g 2 3 4",
    "answer",
    "answer 1",
    "answer 1 1",
    "answer 1 123",
    "answer 1 1g",
    "answer 1 1G",
    "answer 1 AA",
    "answer 1 z",
    "answer 1 z1",
    "answer 1 zz1",
    "answer 1 zzz",
    "answer 1 aa bb",
    "answer -1 aa",
    "answer 1 aa\x01",
    "took",
    "took type 1100",
    "took 1 2 type 1100",
    "took 1 2 3 4 type 1100",
    "took 1 2 3 type",
    "took 1 2 3 type 100000000",
    "took 1 2 3 type 1100 ",
    "bytes",
    "bytes ",
    "bytes aa",
    "bytes aabbccdd",
    "bytes z04",
    "hash",
    "hash ",
    "hash 1 2",
    "hash 10000000000000000",
    "hash -1",
    "done ",
    "Done",
    "hesper guest 1",
};

TEST(Lines, AnythingElseIsNoAnswer) {
  for (const std::string line : kHostile) {
    EXPECT_EQ(parse_start(line).error_or(Error{}).code, EPROTO) << line;
    EXPECT_EQ(parse_answer(line).error_or(Error{}).code, EPROTO) << line;
    EXPECT_EQ(parse_rounds(line, 3).error_or(Error{}).code, EPROTO) << line;
    EXPECT_EQ(parse_bytes(line, 3).error_or(Error{}).code, EPROTO) << line;
    EXPECT_EQ(parse_value(line, "hash").error_or(Error{}).code, EPROTO) << line;
    EXPECT_EQ(parse_done(line).error_or(Error{}).code, EPROTO) << line;
  }
}

TEST(Lines, ZerosThatNeverEndAreRefused) {
  std::string line = "answer 1 ";
  for (int i = 0; i < 20'000; ++i) line += "zff";
  EXPECT_FALSE(parse_answer(line));
}

TEST(Lines, WhatIsQuotedIsShortAndPrintable) {
  const auto start = parse_start("\x1b[2J" + std::string(1000, 'a'));
  ASSERT_FALSE(start);
  EXPECT_LT(start.error().message.size(), 120u);
  EXPECT_THAT(start.error().message, HasSubstr("'?[2Jaaa"));
}

TEST(Lines, HashIsThatOfThePlayer) {
  // guest/player.cpp over a page of zeros, as it was seen to answer.
  EXPECT_EQ(hash_of(std::vector<std::byte>(4096)), 0x51d8'8627'df28'7325u);
  EXPECT_NE(hash_of(bytes_of({1, 0, 0, 0, 2, 0, 0, 0})), hash_of(bytes_of({2, 0, 0, 0, 1, 0, 0, 0})));
}

}  // namespace
}  // namespace hesper::proof
