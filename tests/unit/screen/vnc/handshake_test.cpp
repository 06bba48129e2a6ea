#include "screen/vnc/handshake.h"

#include <gtest/gtest.h>

namespace hesper::screen::vnc {
namespace {

using Outcome = Handshake::Outcome;

std::span<const std::byte> bytes_of(std::string_view text) { return std::as_bytes(std::span(text)); }

class HandshakeTest : public testing::Test {
 protected:
  Outcome say(Handshake& handshake, std::span<const std::byte> bytes) {
    out_.clear();
    const Outcome outcome = handshake.take(bytes, out_);
    EXPECT_TRUE(bytes.empty());
    return outcome;
  }
  Outcome say(Handshake& handshake, std::initializer_list<int> numbers) {
    std::vector<std::byte> bytes;
    for (const int number : numbers) bytes.push_back(static_cast<std::byte>(number));
    return say(handshake, bytes);
  }
  [[nodiscard]] bool answered(std::initializer_list<int> numbers) const {
    std::vector<std::byte> bytes;
    for (const int number : numbers) bytes.push_back(static_cast<std::byte>(number));
    return out_ == bytes;
  }

  static Challenge challenge() {
    Challenge challenge;
    for (std::size_t i = 0; i < challenge.size(); ++i) challenge[i] = static_cast<std::byte>(i);
    return challenge;
  }
  std::vector<std::byte> out_;
};

TEST_F(HandshakeTest, WithoutPasswordEverybodyIsLetIn) {
  const Security security;
  Handshake handshake(security, challenge());
  EXPECT_EQ(say(handshake, bytes_of("RFB 003.008\n")), Outcome::waiting);
  EXPECT_TRUE(answered({1, 1}));
  EXPECT_EQ(say(handshake, {1}), Outcome::waiting);
  EXPECT_TRUE(answered({0, 0, 0, 0}));
  EXPECT_EQ(say(handshake, {0}), Outcome::done);
}

TEST_F(HandshakeTest, OtherVersionsAreToldWhy) {
  const Security security;
  Handshake handshake(security, challenge());
  EXPECT_EQ(say(handshake, bytes_of("RFB 003.003\n")), Outcome::refused);
  EXPECT_EQ(out_.front(), std::byte{0});
  EXPECT_FALSE(handshake.why().empty());
}

TEST_F(HandshakeTest, TheAnswerToAChallengeIsThatOfOtherImplementations) {
  // openssl enc -des-ecb -nopad, with the bits of each byte of the password mirrored.
  const std::array<int, kChallengeBytes> kWanted = {0xb8, 0x66, 0x92, 0x41, 0x25, 0xc8, 0xee, 0xbb,
                                                    0x9d, 0xeb, 0xc1, 0xdb, 0x61, 0xc5, 0x38, 0xe2};
  const Challenge answer = answer_to(challenge(), "password and more");
  for (std::size_t i = 0; i < kWanted.size(); ++i) EXPECT_EQ(std::to_integer<int>(answer[i]), kWanted[i]);
}

TEST_F(HandshakeTest, TheRightPasswordOpens) {
  const Security security{.password = "secret"};
  Handshake handshake(security, challenge());
  EXPECT_EQ(say(handshake, bytes_of(kVersion)), Outcome::waiting);
  EXPECT_TRUE(answered({1, 2}));
  EXPECT_EQ(say(handshake, {2}), Outcome::waiting);
  EXPECT_EQ(out_.size(), kChallengeBytes);
  EXPECT_TRUE(handshake.waits_for_person());
  EXPECT_EQ(say(handshake, answer_to(challenge(), "secret")), Outcome::waiting);
  EXPECT_TRUE(answered({0, 0, 0, 0}));
  EXPECT_EQ(say(handshake, {1}), Outcome::done);
}

TEST_F(HandshakeTest, AWrongPasswordDoesNot) {
  const Security security{.password = "secret"};
  Handshake handshake(security, challenge());
  (void)say(handshake, bytes_of(kVersion));
  (void)say(handshake, {2});
  EXPECT_EQ(say(handshake, answer_to(challenge(), "Secret")), Outcome::refused);
  EXPECT_EQ(out_[3], std::byte{1});
  EXPECT_EQ(say(handshake, {}), Outcome::refused);
}

TEST_F(HandshakeTest, WhatWasNotOfferedIsRefused) {
  for (const int type : {0, 1, 5, 16, 19, 30}) {
    const Security security{.password = "secret"};
    Handshake handshake(security, challenge());
    (void)say(handshake, bytes_of(kVersion));
    EXPECT_EQ(say(handshake, {type}), Outcome::refused) << type;
  }
  for (const int type : {1, 2}) {
    const Security security{.password = "secret", .tls = true};
    Handshake handshake(security, challenge());
    (void)say(handshake, bytes_of(kVersion));
    EXPECT_EQ(say(handshake, {type}), Outcome::refused) << type;
  }
}

TEST_F(HandshakeTest, PlainPasswordsComeOnlyBehindTls) {
  const Security security{.password = "a long secret", .tls = true};
  Handshake handshake(security, challenge());
  (void)say(handshake, bytes_of(kVersion));
  EXPECT_TRUE(answered({1, 19}));
  EXPECT_EQ(say(handshake, {19}), Outcome::waiting);
  EXPECT_TRUE(answered({0, 2}));
  EXPECT_EQ(say(handshake, {0, 2}), Outcome::waiting);
  EXPECT_TRUE(answered({0, 2, 0, 0, 1, 5, 0, 0, 1, 6}));
  EXPECT_EQ(say(handshake, {0, 0, 1, 6}), Outcome::start_tls);
  EXPECT_TRUE(answered({1}));
  EXPECT_EQ(say(handshake, {}), Outcome::waiting);
  EXPECT_EQ(say(handshake, {0, 0, 0, 2, 0, 0, 0, 13}), Outcome::waiting);
  EXPECT_EQ(say(handshake, bytes_of("mea long secret")), Outcome::waiting);
  EXPECT_TRUE(answered({0, 0, 0, 0}));
  EXPECT_EQ(say(handshake, {1}), Outcome::done);
}

TEST_F(HandshakeTest, LongNamesAreRefusedBeforeTheyAreRead) {
  const Security security{.password = "x", .tls = true};
  Handshake handshake(security, challenge());
  (void)say(handshake, bytes_of(kVersion));
  (void)say(handshake, {19});
  (void)say(handshake, {0, 2});
  (void)say(handshake, {0, 0, 1, 6});
  (void)say(handshake, {});
  EXPECT_EQ(say(handshake, {0xff, 0xff, 0xff, 0xff, 0, 0, 0, 1}), Outcome::refused);
}

TEST_F(HandshakeTest, TlsWithoutPasswordLetsEverybodyInWhoEncrypts) {
  const Security security{.tls = true};
  Handshake handshake(security, challenge());
  (void)say(handshake, bytes_of(kVersion));
  (void)say(handshake, {19});
  (void)say(handshake, {0, 2});
  EXPECT_TRUE(answered({0, 1, 0, 0, 1, 4}));
  EXPECT_EQ(say(handshake, {0, 0, 1, 4}), Outcome::start_tls);
  EXPECT_EQ(say(handshake, {}), Outcome::waiting);
  EXPECT_TRUE(answered({0, 0, 0, 0}));
  EXPECT_EQ(say(handshake, {0}), Outcome::done);
}

}  // namespace
}  // namespace hesper::screen::vnc
