// AgentSession: who has the clipboard, what is asked for, and what a hostile agent gets.
#include "clipboard/agent_session.h"

#include <gtest/gtest.h>

#include "clipboard/agent.h"

namespace hesper::clipboard {
namespace {

using namespace test;
using namespace std::chrono_literals;

class Session : public ::testing::Test {
 protected:
  explicit Session(const AgentSession::Options& options = {}) : session_(options, nullptr) {}

  // Nonsense fails the test.
  void hear(const Bytes& bytes) { EXPECT_TRUE(session_.take(bytes, now_)); }
  // The agent is there and knows us.
  void greet() {
    hear(capabilities(false));
    sent();
  }
  // What has been sent since, without the texts that wait behind it.
  std::vector<AgentMessage> sent() { return read(session_.to_send()); }
  void offer(std::string text) { session_.offer(std::make_shared<const std::string>(std::move(text))); }

  AgentSession session_;
  AgentSession::Time now_{1000s};
};

TEST_F(Session, BeginsByAskingWhoIsThere) {
  const auto messages = sent();
  ASSERT_EQ(messages.size(), 1U);
  EXPECT_EQ(messages[0].type, AgentType::announce_capabilities);
  EXPECT_EQ(messages[0].data, words({1, kClipboardByDemand | kClipboardSelection}));
  EXPECT_EQ(session_.ways(), Ways{});
  hear(capabilities(false));
  EXPECT_EQ(session_.ways(), (Ways{.to_guest = true, .from_guest = true}));
  const auto answer = sent();
  ASSERT_EQ(answer.size(), 1U);  // it has not asked, so it is not told again; but how long a text may be
  EXPECT_EQ(answer[0].type, AgentType::max_clipboard);
  EXPECT_EQ(answer[0].data, words({1U << 20U}));
}

TEST_F(Session, AnAgentThatIsStartedIsAnswered) {
  sent();
  hear(capabilities(true, kClipboardByDemand | kClipboardSelection));
  const auto answer = sent();
  ASSERT_EQ(answer.size(), 1U);
  EXPECT_EQ(answer[0].data, words({0, kClipboardByDemand | kClipboardSelection}));
}

TEST_F(Session, AnAgentThatCannotDoEnoughIsNone) {
  for (const std::uint32_t bits : {0U, kClipboardByDemand, kClipboardSelection}) {
    hear(capabilities(false, bits));
    EXPECT_EQ(session_.ways(), Ways{}) << bits;
  }
  hear(message(AgentType::announce_capabilities, words({0})));
  EXPECT_EQ(session_.ways(), Ways{});
}

TEST_F(Session, WhatTheGuestCopiesIsAskedForAndTaken) {
  greet();
  hear(grab());
  const auto asked = sent();
  ASSERT_EQ(asked.size(), 1U);
  EXPECT_EQ(asked[0].type, AgentType::clipboard_request);
  EXPECT_EQ(asked[0].data, words({0, kUtf8Text}));
  EXPECT_FALSE(session_.take_text());
  hear(data("Gr\xc3\xbc\xc3\x9f\x65\r\n"));
  ASSERT_TRUE(session_.take_text());
  EXPECT_TRUE(session_.is_guests("Gr\xc3\xbc\xc3\x9f\x65\n"));
  EXPECT_FALSE(session_.take_text());
}

TEST_F(Session, OtherSelectionsPicturesAndUnaskedTextsAreNotTaken) {
  greet();
  hear(grab(1));
  hear(grab(0, 2));
  hear(data("nobody has asked"));
  EXPECT_TRUE(sent().empty());
  EXPECT_FALSE(session_.take_text());
}

TEST_F(Session, WhatIsNoTextIsNotTaken) {
  greet();
  using namespace std::string_view_literals;
  for (const auto bytes : {"\xff\xfe"sv, ""sv, "a\0b"sv}) {
    now_ += 1s;
    hear(grab());
    hear(data(bytes));
    EXPECT_FALSE(session_.take_text());
  }
  now_ += 1s;
  hear(grab());
  hear(data("png", 2));
  EXPECT_FALSE(session_.take_text());
  now_ += 1s;
  hear(grab());
  hear(data("text\0\0"sv));  // with its end, as Windows has it
  ASSERT_TRUE(session_.take_text());
}

TEST_F(Session, WhoCopiesAllTheTimeIsAskedNowAndThen) {
  greet();
  hear(grab());
  hear(data("1"));
  EXPECT_EQ(sent().size(), 1U);
  hear(grab());
  hear(grab());
  EXPECT_TRUE(sent().empty());
  ASSERT_TRUE(session_.due());
  now_ = *session_.due();
  session_.on_time(now_);
  EXPECT_EQ(sent().size(), 1U);
  EXPECT_FALSE(session_.due());
  // One that does not answer is not asked again at once, but some time.
  now_ += 1s;
  hear(grab());
  EXPECT_TRUE(sent().empty());
  now_ += 10s;
  hear(grab());
  EXPECT_EQ(sent().size(), 1U);
}

TEST_F(Session, ATextOfAViewerIsGivenWhenItIsAskedFor) {
  greet();
  offer("a\nb");
  const auto grabbed = sent();
  ASSERT_EQ(grabbed.size(), 1U);
  EXPECT_EQ(grabbed[0].type, AgentType::clipboard_grab);
  EXPECT_EQ(grabbed[0].data, words({0, kUtf8Text}));
  hear(request());
  auto answer = sent();
  ASSERT_EQ(answer.size(), 1U);
  EXPECT_EQ(answer[0].data, joined(words({0, kUtf8Text}), "a\nb"));
  offer("a\nb");  // the guest knows
  EXPECT_TRUE(sent().empty());
  offer("c");
  EXPECT_EQ(sent().size(), 1U);
}

TEST_F(Session, AWindowsGuestGetsItsEndsOfLines) {
  hear(capabilities(false, kClipboardByDemand | kClipboardSelection | kGuestLineEndCrLf));
  sent();
  offer("a\nb");
  hear(request());
  sent();
  EXPECT_EQ(sent().at(0).data, joined(words({0, kUtf8Text}), "a\r\nb"));
}

TEST_F(Session, WhatNobodyHasIsAnsweredToo) {
  greet();
  hear(request());
  EXPECT_EQ(sent().at(0).data, words({0, kNoData}));
  offer("text");
  sent();
  hear(request(1));
  EXPECT_EQ(sent().at(0).data, words({1, kNoData}));
  hear(request(0, 2));
  EXPECT_EQ(sent().at(0).data, words({0, kNoData}));
  // The guest copies something: what the viewer had is gone.
  hear(grab());
  sent();
  hear(request());
  EXPECT_EQ(sent().at(0).data, words({0, kNoData}));
}

TEST_F(Session, WhatTheGuestHasIsNotTakenFromItsProgram) {
  greet();
  hear(grab());
  hear(data("text"));
  sent();
  offer("text");
  EXPECT_TRUE(sent().empty());
  hear(message(AgentType::clipboard_release, {std::byte{0}}));  // one byte, as spice-vdagentd does
  offer("text");
  EXPECT_EQ(sent().size(), 1U);
}

TEST_F(Session, AnOfferWaitsForTheAgentAndOutlivesIt) {
  sent();
  offer("text");
  EXPECT_TRUE(sent().empty());
  hear(capabilities(true));
  EXPECT_EQ(sent().size(), 3U);  // capabilities, the limit, the grab
  AgentSession next({}, session_.ours());
  EXPECT_EQ(read(next.to_send()).size(), 1U);
  ASSERT_TRUE(next.take(capabilities(false), now_));
  const auto messages = read(next.to_send());
  ASSERT_EQ(messages.size(), 2U);
  EXPECT_EQ(messages[1].type, AgentType::clipboard_grab);
}

class ToGuestOnly : public Session {
 protected:
  ToGuestOnly() : Session({.from_guest = false}) {}
};

TEST_F(ToGuestOnly, NothingIsAskedFor) {
  greet();
  EXPECT_EQ(session_.ways(), (Ways{.to_guest = true}));
  hear(grab());
  EXPECT_TRUE(sent().empty());
}

class FromGuestOnly : public Session {
 protected:
  FromGuestOnly() : Session({.to_guest = false}) {}
};

TEST_F(FromGuestOnly, NothingIsGiven) {
  greet();
  offer("secret");
  EXPECT_TRUE(sent().empty());
  hear(request());
  EXPECT_EQ(sent().at(0).data, words({0, kNoData}));
}

class Small : public Session {
 protected:
  Small() : Session({.most_bytes = 10}) {}
};

TEST_F(Small, LongerTextsAreLeftOut) {
  greet();
  hear(grab());
  hear(data("12345678901"));
  EXPECT_FALSE(session_.take_text());
  now_ += 1s;
  hear(grab());
  hear(data("1234567890"));
  EXPECT_TRUE(session_.take_text());
}

TEST_F(Session, RequestsCostNoMemoryUntilTheyAreAnswered) {
  greet();
  offer(std::string(1 << 20, 'x'));
  sent();
  for (int i = 0; i < 64; ++i) hear(request());
  EXPECT_EQ(read(session_.to_send()).size(), 1U);  // one at a time
  hear(request());
  EXPECT_FALSE(session_.take(request(), now_));
}

TEST_F(Session, MessagesThatAreTooShortAreErrors) {
  struct Case {
    const char* name;
    Bytes bytes;
  };
  for (const Case& each : {Case{"capabilities", message(AgentType::announce_capabilities, {std::byte{0}})},
                           {"grab", message(AgentType::clipboard_grab, {std::byte{0}})},
                           {"request", message(AgentType::clipboard_request, words({0}))},
                           {"data", message(AgentType::clipboard, words({0}))},
                           {"release", message(AgentType::clipboard_release, {})}}) {
    AgentSession session({}, nullptr);
    ASSERT_TRUE(session.take(capabilities(false), now_));
    EXPECT_FALSE(session.take(each.bytes, now_)) << each.name;
  }
}

}  // namespace
}  // namespace hesper::clipboard
