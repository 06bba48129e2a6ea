// AgentClipboard: texts go both ways over a socket, and again after it was lost or has sent nonsense.
#include "clipboard/agent_clipboard.h"

#include <gtest/gtest.h>
#include <poll.h>

#include <condition_variable>
#include <filesystem>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>

#include "clipboard/agent.h"
#include "platform/signals.h"
#include "platform/socket.h"

namespace hesper::clipboard {
namespace {

using namespace test;

// What a viewer was told.
class Viewer {
 public:
  Listener listener() {
    return {.on_ways = [this](Ways ways) { note([&] { ways_ = ways; }); },
            .on_text = [this](const Text& text) { note([&] { text_ = *text; }); }};
  }
  void wait_for(Ways ways) {
    wait([&] { return ways_ == ways; });
  }
  void wait_for(const std::string& text) {
    wait([&] { return text_ == text; });
  }

 private:
  template <class Change>
  void note(Change change) {
    const std::lock_guard lock(mutex_);
    change();
    changed_.notify_all();
  }
  template <class Condition>
  void wait(Condition condition) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, condition);
  }
  std::mutex mutex_;
  std::condition_variable changed_;
  Ways ways_;
  std::string text_;
};

class AgentClipboardTest : public ::testing::Test {
 protected:
  AgentClipboardTest()
      : path_(std::filesystem::temp_directory_path() / ("hesper-clipboard-" + std::to_string(::getpid()))) {
    platform::ignore_broken_pipes();
    listener_.emplace(*platform::Listener::at(path_));
    clipboard_ = *AgentClipboard::create([path = path_] { return platform::connect_to(path); }, {});
    holder_ = clipboard_->join(viewer_.listener());
  }

  // The agent's end of the next connection, after its first message.
  UniqueFd accept() {
    pollfd waiting{.fd = listener_->fd(), .events = POLLIN, .revents = 0};
    EXPECT_EQ(::poll(&waiting, 1, -1), 1);
    UniqueFd agent = *listener_->accept();
    EXPECT_EQ(hear(agent).type, AgentType::announce_capabilities);
    return agent;
  }
  static void say(const UniqueFd& agent, const Bytes& bytes) {
    EXPECT_TRUE(platform::wait_and_send(agent.get(), bytes));
  }
  static AgentMessage hear(const UniqueFd& agent) {
    Bytes bytes;
    for (;;) {
      Bytes chunk(8);
      receive(agent, chunk);
      const auto size = std::to_integer<std::size_t>(chunk[4]) | std::to_integer<std::size_t>(chunk[5]) << 8U;
      chunk.resize(8 + size);
      receive(agent, std::span(chunk).subspan(8));
      bytes.insert(bytes.end(), chunk.begin(), chunk.end());
      AgentReader reader(1 << 20);
      std::span<const std::byte> rest(bytes);
      if (auto message = reader.next(rest).value()) return *message;
    }
  }
  static void receive(const UniqueFd& agent, std::span<std::byte> into) {
    if (platform::receive_exactly(agent.get(), into) != platform::Received::all)
      throw std::runtime_error("The connection has ended.");
  }

  std::filesystem::path path_;
  std::optional<platform::Listener> listener_;
  Viewer viewer_;
  std::unique_ptr<AgentClipboard> clipboard_;
  std::unique_ptr<Holder> holder_;
};

constexpr Ways kBoth{.to_guest = true, .from_guest = true};

TEST_F(AgentClipboardTest, TextGoesBothWaysAndAgainAfterAnEnd) {
  for (const char* round : {"once", "again"}) {
    const UniqueFd agent = accept();
    say(agent, capabilities(false, kClipboardByDemand | kClipboardSelection));
    viewer_.wait_for(kBoth);
    say(agent, grab());
    EXPECT_EQ(hear(agent).type, AgentType::clipboard_request);
    say(agent, data(round));
    viewer_.wait_for(std::string(round));
    holder_->offer(std::string("for the guest ") + round);
    EXPECT_EQ(hear(agent).type, AgentType::clipboard_grab);
    say(agent, request());
    EXPECT_EQ(hear(agent).data, joined(words({0, kUtf8Text}), std::string("for the guest ") + round));
    say(agent, grab());  // so that the next one is not told of what was offered
    EXPECT_EQ(hear(agent).type, AgentType::clipboard_request);
    say(agent, data("other"));
    viewer_.wait_for("other");
    say(agent, words({7, 7}));  // nonsense
    viewer_.wait_for(Ways{});
  }
}

TEST_F(AgentClipboardTest, WhatIsOfferedBeforeThereIsAnAgentIsTheGuestsLater) {
  holder_->offer("early\r\n");
  const UniqueFd agent = accept();
  say(agent, capabilities(false, kClipboardByDemand | kClipboardSelection));
  EXPECT_EQ(hear(agent).type, AgentType::clipboard_grab);
  say(agent, request());
  EXPECT_EQ(hear(agent).data, joined(words({0, kUtf8Text}), "early\n"));
}

TEST_F(AgentClipboardTest, WhatIsNoTextIsNotOffered) {
  holder_->offer("\xff");
  holder_->offer(std::string((1 << 20) + 1, 'x'));
  holder_->offer("");
  const UniqueFd agent = accept();
  say(agent, capabilities(false, kClipboardByDemand | kClipboardSelection));
  viewer_.wait_for(kBoth);
  holder_->offer("text");
  EXPECT_EQ(hear(agent).type, AgentType::clipboard_grab);
  say(agent, request());
  EXPECT_EQ(hear(agent).data, joined(words({0, kUtf8Text}), "text"));
}

TEST_F(AgentClipboardTest, AnAgentThatDoesNotReadIsNotHeardUntilItDoes) {
  const UniqueFd agent = accept();
  say(agent, capabilities(false, kClipboardByDemand | kClipboardSelection));
  viewer_.wait_for(kBoth);
  const std::string text(100'000, 'x');
  holder_->offer(text);
  EXPECT_EQ(hear(agent).type, AgentType::clipboard_grab);
  for (int i = 0; i < 10; ++i) say(agent, request());
  for (int i = 0; i < 10; ++i) EXPECT_EQ(hear(agent).data.size(), 8 + text.size());
}

TEST_F(AgentClipboardTest, AViewerThatHasLeftIsToldNothing) {
  Viewer other;
  auto leaver = clipboard_->join(other.listener());
  other.wait_for(Ways{});
  leaver.reset();
  const UniqueFd agent = accept();
  say(agent, capabilities(false, kClipboardByDemand | kClipboardSelection));
  viewer_.wait_for(kBoth);
  other.wait_for(Ways{});
}

}  // namespace
}  // namespace hesper::clipboard
