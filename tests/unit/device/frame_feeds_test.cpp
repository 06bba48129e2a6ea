// FrameFeeds and FeedState, one at each end of a socket: what the guest shows arrives, at each reader's own pace, and
// neither end is harmed by the other.
#include "device/frame_feeds.h"

#include <gtest/gtest.h>
#include <sys/mman.h>

#include <cstring>
#include <string>
#include <vector>

#include "../gpu/test_device.h"
#include "frame/feed_state.h"
#include "platform/signals.h"
#include "platform/socket.h"

namespace hesper::device {
namespace {

using frame::Copies;
using frame::FeedQuestion;
using frame::FeedRequest;
using frame::FeedState;
using gpu::Rect;
using gpu::virtio_gpu_rect;

constexpr std::uint64_t kWindowSize = gpu::test::TestDevice::kWindow;

// A subscriber without a thread.
class Subscriber {
 public:
  explicit Subscriber(UniqueFd socket) : socket_(std::move(socket)) {}

  void ask() { request({.question = FeedQuestion::next}); }
  void request(const FeedRequest& request) {
    EXPECT_TRUE(platform::send_message(socket_.get(), std::as_bytes(std::span(&request, 1)), -1));
  }
  // Takes what is there. True: an answer has ended.
  bool take() {
    bool done = false;
    std::vector<std::byte> bytes(65536);
    for (;;) {
      auto part = platform::receive_part(socket_.get(), bytes, platform::kMaxReceivedFds);
      if (part.closed) closed = true;
      if (part.size == 0) return done;
      for (const UniqueFd& fd : part.fds) fds.push_back(::dup(fd.get()));
      const auto taken = state->receive(std::span(bytes).first(part.size), std::move(part.fds), 1);
      EXPECT_TRUE(taken) << taken.error().message;
      done = taken && *taken;
    }
  }

  std::shared_ptr<FeedState> state = std::make_shared<FeedState>();
  std::vector<int> fds;  // copies of those that came
  bool closed = false;

 private:
  UniqueFd socket_;
};

class FrameFeedsTest : public ::testing::Test {
 protected:
  FrameFeedsTest() { feeds_.tell(*guest_.device); }
  void SetUp() override { platform::ignore_broken_pipes(); }

  std::unique_ptr<Subscriber> subscribe() {
    auto pair = platform::create_socket_pair();
    EXPECT_TRUE(pair);
    feeds_.add(std::move(pair->second));
    return std::make_unique<Subscriber>(std::move(pair->first));
  }
  void pump() {
    for (int i = 0; i < 10; ++i) loop_->run_once(std::chrono::milliseconds(0));
  }
  // Asks and takes the answer.
  bool answer(Subscriber& subscriber) {
    subscriber.ask();
    pump();
    return subscriber.take();
  }

  // An image of the device, with backing at kRam + offset.
  void make_image(std::uint32_t id, std::uint32_t width, std::uint32_t height, std::uint64_t offset = 0) {
    ASSERT_EQ(guest_.create_2d(id, width, height)->type(), gpu::VIRTIO_GPU_RESP_OK_NODATA);
    ASSERT_EQ(guest_.attach(id, {{.addr = guest_.kRam + offset, .length = width * height * 4}})->type(),
              gpu::VIRTIO_GPU_RESP_OK_NODATA);
  }
  void draw(std::uint32_t id, virtio_gpu_rect rect, std::uint32_t width, std::byte value, std::uint64_t offset = 0) {
    for (std::uint32_t y = rect.y; y < rect.y + rect.height; ++y)
      for (std::uint32_t x = rect.x * 4; x < (rect.x + rect.width) * 4; ++x)
        guest_.memory[guest_.kRam + offset + y * width * 4 + x] = value;
    guest_.transfer(id, rect, (std::uint64_t{rect.y} * width + rect.x) * 4);
    guest_.flush(id, rect);
  }

  std::unique_ptr<platform::EventLoop> loop_ = *platform::EventLoop::create();
  platform::SharedMemoryWithReader window_ = *platform::create_shared_memory_with_reader("window", kWindowSize);
  int window_reader_ = window_.reader.get();
  FrameFeeds feeds_{*loop_, std::make_shared<const UniqueFd>(std::move(window_.reader))};
  gpu::test::TestDevice guest_{{.outputs = std::vector<gpu::Output>(2), .window_size = kWindowSize}, true, &feeds_};
};

TEST_F(FrameFeedsTest, AnImageIsSharedAndLaterTransfersShow) {
  make_image(7, 8, 4);
  guest_.set_scanout(0, 7, {.x = 2, .y = 1, .width = 6, .height = 3});
  auto subscriber = subscribe();
  EXPECT_TRUE(answer(*subscriber)) << "modes are news";
  const auto reader = subscriber->state->subscribe(0, [] {});
  EXPECT_FALSE(reader->take().frame) << "nothing was flushed";

  subscriber->ask();
  pump();
  draw(7, {.x = 0, .y = 0, .width = 8, .height = 4}, 8, std::byte{0x11});
  ASSERT_TRUE(subscriber->take());
  auto news = reader->take();
  ASSERT_TRUE(news.frame);
  EXPECT_EQ(news.frame->width, 6u);
  EXPECT_EQ(news.frame->height, 3u);
  EXPECT_EQ(news.frame->serial, 1u);
  EXPECT_EQ(news.frame->copies, Copies::transfer);
  EXPECT_EQ(news.frame->damage, (std::vector<Rect>{{.width = 6, .height = 3}}));
  EXPECT_NE(news.frame->times.flushed, 0u);
  EXPECT_GE(news.frame->times.published, news.frame->times.flushed);
  EXPECT_EQ(news.frame->times.rendered, 0u) << "no work was done for it";
  EXPECT_EQ(news.frame->row(2)[0], std::byte{0x11});

  subscriber->ask();
  pump();
  draw(7, {.x = 3, .y = 2, .width = 1, .height = 1}, 8, std::byte{0x22});
  ASSERT_TRUE(subscriber->take());
  news = reader->take();
  ASSERT_TRUE(news.frame);
  EXPECT_EQ(news.frame->damage, (std::vector<Rect>{{.x = 1, .y = 1, .width = 1, .height = 1}}));
  EXPECT_EQ(news.frame->row(1)[4], std::byte{0x22});
  EXPECT_EQ(news.frame->row(1)[3], std::byte{0x11});
  EXPECT_EQ(subscriber->fds.size(), 1u) << "a buffer is sent once";
}

TEST_F(FrameFeedsTest, ABlobOfTheWindowIsNotCopied) {
  guest_.create_context(1);
  guest_.create_blob(3, 4096);
  guest_.map(3, 8192);
  gpu::virtio_gpu_set_scanout_blob command{.r = {.width = 16, .height = 8},
                                           .scanout_id = 1,
                                           .resource_id = 3,
                                           .width = 16,
                                           .height = 8,
                                           .format = std::to_underlying(gpu::Format::r8g8b8a8)};
  command.strides[0] = 128;
  command.offsets[0] = 256;
  ASSERT_EQ(guest_.send(gpu::VIRTIO_GPU_CMD_SET_SCANOUT_BLOB, command)->type(), gpu::VIRTIO_GPU_RESP_OK_NODATA);
  guest_.flush(3, {.width = 16, .height = 8});
  auto subscriber = subscribe();
  ASSERT_TRUE(answer(*subscriber));
  const auto news = subscriber->state->subscribe(1, [] {})->take();
  ASSERT_TRUE(news.frame);
  EXPECT_EQ(news.frame->copies, Copies::none);
  EXPECT_EQ(news.frame->format, gpu::Format::r8g8b8a8);
  EXPECT_EQ(news.frame->buffer->bytes().size(), kWindowSize);
  const auto window = *platform::Mapping::map(window_.fd.get(), kWindowSize);
  window.data()[8192 + 256 + 3 * 128] = std::byte{0x77};
  EXPECT_EQ(news.frame->row(3)[0], std::byte{0x77}) << "it is the very memory";
}

TEST_F(FrameFeedsTest, NoBufferCanBeWrittenTo) {
  make_image(7, 8, 4);
  guest_.set_scanout(0, 7, {.width = 8, .height = 4});
  draw(7, {.width = 8, .height = 4}, 8, std::byte{1});
  guest_.create_context(1);
  guest_.create_blob(3, 4096);
  guest_.map(3, 8192);
  gpu::virtio_gpu_set_scanout_blob command{
      .r = {.width = 4, .height = 4}, .scanout_id = 1, .resource_id = 3, .width = 4, .height = 4, .format = 1};
  command.strides[0] = 16;
  guest_.send(gpu::VIRTIO_GPU_CMD_SET_SCANOUT_BLOB, command);
  guest_.flush(3, {.width = 4, .height = 4});
  auto subscriber = subscribe();
  ASSERT_TRUE(answer(*subscriber));
  ASSERT_EQ(subscriber->fds.size(), 2u);
  for (const int fd : subscriber->fds) {
    EXPECT_EQ(::mmap(nullptr, 64, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0), MAP_FAILED);
    EXPECT_EQ(::pwrite(fd, "x", 1, 0), -1);
    EXPECT_NE(::ftruncate(fd, 0), 0);
  }
}

}  // namespace
}  // namespace hesper::device
