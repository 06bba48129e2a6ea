// FeedState: what the feed tells is checked number by number; what is wrong ends the feed, and nothing is read outside
// of a buffer. That it works is tested with the other end, in tests/unit/device/frame_feeds_test.cpp.
#include "frame/feed_state.h"

#include <gtest/gtest.h>

#include <cstring>
#include <functional>
#include <limits>
#include <string>

#include "platform/shared_memory.h"

namespace hesper::frame {
namespace {

constexpr std::size_t kSize = 4096;
constexpr std::uint32_t kBuffer = 5;

std::vector<std::byte> bytes_of(const FeedMessage& message, std::size_t more = 0) {
  std::vector<std::byte> bytes(sizeof(message) + more);
  std::memcpy(bytes.data(), &message, sizeof(message));
  return bytes;
}

class FeedStateTest : public ::testing::Test {
 protected:
  Result<bool> send(const FeedMessage& message, UniqueFd fd = UniqueFd(), std::size_t more = 0) {
    std::vector<UniqueFd> fds;
    if (fd) fds.push_back(std::move(fd));
    return state_->receive(bytes_of(message, more), std::move(fds), 1);
  }
  void send_buffer() {
    auto memory = platform::create_published_memory("test", kSize);
    ASSERT_TRUE(memory);
    ASSERT_TRUE(send({.kind = FeedKind::buffer, .buffer = kBuffer}, std::move(memory->reader)));
  }
  // 16 x 64 pixels, which fill the buffer.
  static FeedMessage good_frame() {
    FeedMessage message{.kind = FeedKind::frame,
                        .display = 1,
                        .buffer = kBuffer,
                        .width = 16,
                        .height = 64,
                        .format = std::to_underlying(gpu::Format::b8g8r8x8),
                        .stride = 64,
                        .serial = 1,
                        .damage_count = 1};
    message.damage[0] = {.width = 16, .height = 64};
    return message;
  }

  std::shared_ptr<FeedState> state_ = std::make_shared<FeedState>();
};

TEST_F(FeedStateTest, TheLastByteOfABufferIsPartOfAFrame) {
  send_buffer();
  ASSERT_TRUE(send(good_frame()));
  const auto frame = state_->subscribe(1, [] {})->take().frame;
  ASSERT_TRUE(frame);
  EXPECT_EQ(frame->row(63).size(), 64u);
  EXPECT_EQ(frame->row(63).data() + 64, frame->buffer->bytes().data() + kSize);
}

TEST_F(FeedStateTest, MessagesComeInAnyPieces) {
  auto memory = platform::create_published_memory("test", kSize);
  std::vector<std::byte> bytes;
  const auto add = [&](const FeedMessage& message, std::size_t more = 0) {
    const auto next = bytes_of(message, more);
    bytes.insert(bytes.end(), next.begin(), next.end());
  };
  add({.kind = FeedKind::buffer, .buffer = kBuffer});
  add(good_frame());
  add({.kind = FeedKind::cursor, .display = 1, .has_cursor = 1, .shape_follows = 1}, kCursorBytes);
  add({.kind = FeedKind::done});
  std::size_t answers = 0;
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    std::vector<UniqueFd> fds;
    if (at == 0) fds.push_back(std::move(memory->reader));
    const auto done = state_->receive(std::span(bytes).subspan(at, 1), std::move(fds), 1);
    ASSERT_TRUE(done) << done.error().message;
    if (*done) ++answers;
  }
  EXPECT_EQ(answers, 1u);
  const News news = state_->subscribe(1, [] {})->take();
  EXPECT_TRUE(news.frame);
  EXPECT_TRUE(news.cursor && news.cursor->shape);
}

TEST_F(FeedStateTest, NumbersThatDoNotFitEndTheFeed) {
  constexpr auto kMost32 = std::numeric_limits<std::uint32_t>::max();
  constexpr auto kMost64 = std::numeric_limits<std::uint64_t>::max();
  struct Case {
    std::string name;
    std::function<void(FeedMessage&)> spoil;
  };
  const std::vector<Case> cases = {
      {"no width", [](auto& m) { m.width = 0; }},
      {"no height", [](auto& m) { m.height = 0; }},
      {"a row too many", [](auto& m) { m.height = 65; }},
      {"a pixel too many", [](auto& m) { m.width = 17; }},
      {"a byte too far", [](auto& m) { m.offset = 1; }},
      {"behind the end", [](auto& m) { m.offset = kSize + 1; }},
      {"the last address", [=](auto& m) { m.offset = kMost64; }},
      {"an offset that wraps around", [=](auto& m) { m.offset = kMost64 - 63; }},
      {"a stride too long", [](auto& m) { m.stride = 65; }},
      {"a stride too short", [](auto& m) { m.stride = 63; }},
      {"the longest stride and height", [=](auto& m) { m.stride = m.height = kMost32; }},
      {"the largest picture", [=](auto& m) { m.width = m.height = m.stride = kMost32; }},
      {"an unknown format", [](auto& m) { m.format = 5; }},
      {"an unknown kind of copy", [](auto& m) { m.copies = 3; }},
      {"an unknown buffer", [](auto& m) { m.buffer = 6; }},
      {"an unknown display", [](auto& m) { m.display = 16; }},
      {"too much damage", [](auto& m) { m.damage_count = 17; }},
      {"damage outside", [](auto& m) { m.damage[0].y = 1; }},
      {"damage that wraps around", [=](auto& m) { m.damage[0] = {.x = kMost32, .width = 2, .height = 1}; }},
      {"another version", [](auto& m) { m.version += 1; }},
      {"an unknown message", [](auto& m) { m.kind = static_cast<FeedKind>(8); }},
  };
  for (const Case& one : cases) {
    state_ = std::make_shared<FeedState>();
    send_buffer();
    FeedMessage message = good_frame();
    one.spoil(message);
    EXPECT_FALSE(send(message)) << one.name;
    EXPECT_FALSE(state_->subscribe(1, [] {})->take().frame) << one.name;
  }
}

TEST_F(FeedStateTest, BuffersAreFilesThatExistOnce) {
  EXPECT_FALSE(send({.kind = FeedKind::buffer, .buffer = 1})) << "without a file";
  state_ = std::make_shared<FeedState>();
  send_buffer();
  auto again = platform::create_published_memory("test", kSize);
  EXPECT_FALSE(send({.kind = FeedKind::buffer, .buffer = kBuffer}, std::move(again->reader)));
  state_ = std::make_shared<FeedState>();
  EXPECT_FALSE(send({.kind = FeedKind::forget, .buffer = 1}));
  state_ = std::make_shared<FeedState>();
  send_buffer();
  EXPECT_TRUE(send({.kind = FeedKind::forget, .buffer = kBuffer}));
  EXPECT_FALSE(send(good_frame()));
}

TEST_F(FeedStateTest, ThereIsAMostOfBuffersAndOfFiles) {
  const auto make = [] { return std::move(platform::create_published_memory("test", 64)->reader); };
  for (std::uint32_t id = 0; id < kMostBuffers; ++id)
    ASSERT_TRUE(send({.kind = FeedKind::buffer, .buffer = id}, make()));
  EXPECT_FALSE(send({.kind = FeedKind::buffer, .buffer = 1000}, make()));

  state_ = std::make_shared<FeedState>();
  Result<bool> last = true;
  for (std::size_t i = 0; i <= kMostBuffers; ++i) {
    std::vector<UniqueFd> fds;
    fds.push_back(make());
    last = state_->receive({}, std::move(fds), 1);
  }
  EXPECT_FALSE(last) << "without messages";
}

TEST_F(FeedStateTest, ACursorWithoutItsPictureEndsTheFeed) {
  EXPECT_FALSE(send({.kind = FeedKind::cursor, .has_cursor = 1, .shape_follows = 0}));
}

TEST_F(FeedStateTest, TheEndIsToldOnceItHasCome) {
  int calls = 0;
  const auto reader = state_->subscribe(0, [&] { ++calls; });
  EXPECT_FALSE(reader->take().ended);
  state_->end();
  EXPECT_EQ(calls, 2);
  EXPECT_TRUE(reader->take().ended);
  EXPECT_TRUE(state_->subscribe(3, [] {})->take().ended);
}

}  // namespace
}  // namespace hesper::frame
