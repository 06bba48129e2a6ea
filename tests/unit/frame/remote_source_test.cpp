// RemoteSource: the thread between a feed and its readers; for the thread sanitizer, too.
#include "frame/remote_source.h"

#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

#include "platform/shared_memory.h"
#include "platform/signals.h"
#include "platform/socket.h"

namespace hesper::frame {
namespace {

// hesper-gpu's end, which answers when it is told to.
class Peer {
 public:
  explicit Peer(UniqueFd socket) : socket_(std::move(socket)) {}

  FeedRequest take_request() {
    FeedRequest request{};
    EXPECT_EQ(platform::receive_exactly(socket_.get(), std::as_writable_bytes(std::span(&request, 1))),
              platform::Received::all);
    return request;
  }
  void send(const FeedMessage& message, int fd = -1) {
    EXPECT_TRUE(platform::send_message(socket_.get(), std::as_bytes(std::span(&message, 1)), fd));
  }
  void send_info(std::uint32_t width) {
    send({.kind = FeedKind::info, .width = width, .height = 10, .connected = 1});
    send({.kind = FeedKind::done});
  }
  void send_frame(std::uint64_t serial) {
    FeedMessage message{.kind = FeedKind::frame,
                        .buffer = 1,
                        .width = 4,
                        .height = 4,
                        .format = 2,
                        .stride = 16,
                        .serial = serial,
                        .damage_count = 1};
    message.damage[0] = {.width = 1, .height = 1};
    send(message);
    send({.kind = FeedKind::done});
  }
  void hang_up() { socket_ = UniqueFd(); }

 private:
  UniqueFd socket_;
};

class RemoteSourceTest : public ::testing::Test {
 protected:
  void SetUp() override {
    platform::ignore_broken_pipes();
    auto pair = platform::create_socket_pair();
    ASSERT_TRUE(pair);
    peer_.emplace(std::move(pair->first));
    feed_ = std::move(pair->second);
  }
  // The first answer is there before the source is.
  std::unique_ptr<RemoteSource> create(std::function<void()> on_end = [] {}) {
    peer_->send_info(100);
    auto source = RemoteSource::create(std::move(feed_), std::move(on_end));
    EXPECT_TRUE(source) << source.error().message;
    EXPECT_EQ(peer_->take_request().question, FeedQuestion::next);
    return std::move(*source);
  }

  std::optional<Peer> peer_;
  UniqueFd feed_;
};

TEST_F(RemoteSourceTest, TheFirstAnswerIsWaitedFor) {
  const auto source = create();
  EXPECT_EQ(source->info(0).width, 100u);
  EXPECT_FALSE(source->info(1).connected);
  EXPECT_FALSE(source->info(1000).connected);
}

TEST_F(RemoteSourceTest, AFeedThatEndsOrMakesNoSenseIsNoSource) {
  peer_->send({.version = 3});
  EXPECT_FALSE(RemoteSource::create(std::move(feed_)));
  auto pair = platform::create_socket_pair();
  pair->first = UniqueFd();
  EXPECT_FALSE(RemoteSource::create(std::move(pair->second)));
}

TEST_F(RemoteSourceTest, AWishForAModeGoesBesideTheQuestion) {
  const auto source = create();
  EXPECT_EQ(peer_->take_request().question, FeedQuestion::next);
  source->ask_for_mode(3, 640, 480, 0);
  const FeedRequest request = peer_->take_request();
  EXPECT_EQ(request.question, FeedQuestion::ask_for_mode);
  EXPECT_EQ(request.display, 3u);
  EXPECT_EQ(request.width, 640u);
}

TEST_F(RemoteSourceTest, ReadersTakeOnThreadsOfTheirOwnUntilTheEnd) {
  std::atomic<int> ends = 0;
  const auto source = create([&] { ++ends; });
  constexpr std::uint64_t kFrames = 200;
  struct Viewer {
    std::mutex mutex;
    std::condition_variable changed;
    bool news = false;
    std::uint64_t last = 0;
    std::thread thread;
  };
  std::array<Viewer, 3> viewers;
  for (Viewer& viewer : viewers) {
    viewer.thread = std::thread([&viewer, &source] {
      const auto reader = source->subscribe(0, [&viewer] {
        const std::scoped_lock lock(viewer.mutex);
        viewer.news = true;
        viewer.changed.notify_one();
      });
      for (;;) {
        {
          std::unique_lock lock(viewer.mutex);
          viewer.changed.wait(lock, [&] { return viewer.news; });
          viewer.news = false;
        }
        const News news = reader->take();
        if (news.frame) {
          EXPECT_GT(news.frame->serial, viewer.last);
          viewer.last = news.frame->serial;
        }
        if (news.ended) return;
      }
    });
  }
  auto memory = platform::create_published_memory("test", 64);
  ASSERT_TRUE(memory);
  for (std::uint64_t serial = 1; serial <= kFrames; ++serial) {
    EXPECT_EQ(peer_->take_request().question, FeedQuestion::next);
    if (serial == 1) peer_->send({.kind = FeedKind::buffer, .buffer = 1}, memory->reader.get());
    peer_->send_frame(serial);
  }
  EXPECT_EQ(peer_->take_request().question, FeedQuestion::next);
  peer_->hang_up();
  for (Viewer& viewer : viewers) {
    viewer.thread.join();
    EXPECT_EQ(viewer.last, kFrames) << "whatever was skipped, the newest one is not";
  }
  EXPECT_EQ(ends, 1);
}

}  // namespace
}  // namespace hesper::frame
