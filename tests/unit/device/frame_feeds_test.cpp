// FrameFeeds and FeedState, one at each end of a socket: what the guest shows arrives, at each reader's own pace, and
// neither end is harmed by the other.
#include "device/frame_feeds.h"

#include <gtest/gtest.h>
#include <sys/mman.h>

#include <algorithm>
#include <cstring>
#include <string>
#include <tuple>
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

  ~Subscriber() {
    for (const int fd : fds) ::close(fd);
  }
  Subscriber(const Subscriber&) = delete;
  Subscriber& operator=(const Subscriber&) = delete;

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

TEST_F(FrameFeedsTest, WhoIsSlowGetsOneFrameOfAllThatHappened) {
  make_image(7, 64, 64);
  guest_.set_scanout(0, 7, {.width = 64, .height = 64});
  auto subscriber = subscribe();
  ASSERT_TRUE(answer(*subscriber));
  const auto reader = subscriber->state->subscribe(0, [] {});
  draw(7, {.width = 64, .height = 64}, 64, std::byte{1});
  ASSERT_TRUE(answer(*subscriber));
  (void)reader->take();
  for (std::uint32_t i = 0; i < 5; ++i) draw(7, {.x = 10 * i, .y = 1, .width = 2, .height = 2}, 64, std::byte{2});
  pump();
  EXPECT_FALSE(subscriber->take()) << "nobody has asked";
  ASSERT_TRUE(answer(*subscriber));
  auto news = reader->take();
  ASSERT_TRUE(news.frame);
  EXPECT_EQ(news.frame->serial, 6u);
  EXPECT_EQ(news.frame->damage.size(), 5u);
  EXPECT_EQ(news.frame->damage[4], (Rect{.x = 40, .y = 1, .width = 2, .height = 2}));
  // More than there is room for: everything around them.
  for (std::uint32_t i = 0; i < 30; ++i) draw(7, {.x = 2 * i, .y = i, .width = 1, .height = 1}, 64, std::byte{3});
  ASSERT_TRUE(answer(*subscriber));
  news = reader->take();
  ASSERT_TRUE(news.frame);
  EXPECT_LE(news.frame->damage.size(), frame::Damage::kMost);
  for (std::uint32_t i = 0; i < 30; ++i) {
    const Rect pixel{.x = 2 * i, .y = i, .width = 1, .height = 1};
    EXPECT_TRUE(std::ranges::any_of(news.frame->damage, [&](const Rect& rect) {
      return gpu::intersect(rect, pixel) == pixel;
    })) << i;
  }
}

TEST_F(FrameFeedsTest, ReadersOfOneSubscriberHaveAPaceEach) {
  make_image(7, 64, 64);
  guest_.set_scanout(0, 7, {.width = 64, .height = 64});
  draw(7, {.width = 64, .height = 64}, 64, std::byte{1});
  auto subscriber = subscribe();
  ASSERT_TRUE(answer(*subscriber));
  int calls = 0;
  const auto fast = subscriber->state->subscribe(0, [&] { ++calls; });
  const auto slow = subscriber->state->subscribe(0, [] {});
  (void)fast->take();
  (void)slow->take();
  EXPECT_EQ(calls, 1) << "there is something at the beginning";
  for (std::uint32_t i = 0; i < 3; ++i) {
    const Rect rect{.x = i, .y = 2 * i, .width = 1, .height = 1};
    draw(7, {.x = rect.x, .y = rect.y, .width = 1, .height = 1}, 64, std::byte{2});
    ASSERT_TRUE(answer(*subscriber));
    const auto news = fast->take();
    ASSERT_TRUE(news.frame);
    EXPECT_EQ(news.frame->damage, (std::vector<Rect>{rect}));
    EXPECT_FALSE(fast->take().frame) << "it has been taken";
  }
  EXPECT_EQ(calls, 4);
  const auto late = subscriber->state->subscribe(0, [] {});
  EXPECT_EQ(late->take().frame->damage, (std::vector<Rect>{{.width = 64, .height = 64}}));
  const auto news = slow->take();
  ASSERT_TRUE(news.frame);
  EXPECT_EQ(news.frame->serial, 4u);
  EXPECT_EQ(news.frame->damage.size(), 3u);
}

TEST_F(FrameFeedsTest, SubscribersHaveAPaceEach) {
  make_image(7, 64, 64);
  guest_.set_scanout(0, 7, {.width = 64, .height = 64});
  draw(7, {.width = 64, .height = 64}, 64, std::byte{1});
  auto fast = subscribe();
  auto slow = subscribe();
  ASSERT_TRUE(answer(*fast));
  ASSERT_TRUE(answer(*slow));
  const auto fast_reader = fast->state->subscribe(0, [] {});
  const auto slow_reader = slow->state->subscribe(0, [] {});
  (void)fast_reader->take();
  (void)slow_reader->take();
  for (std::uint32_t i = 0; i < 2; ++i) {
    draw(7, {.x = 9 * i, .width = 1, .height = 1}, 64, std::byte{2});
    ASSERT_TRUE(answer(*fast));
    EXPECT_EQ(fast_reader->take().frame->damage, (std::vector<Rect>{{.x = 9 * i, .width = 1, .height = 1}}));
  }
  ASSERT_TRUE(answer(*slow));
  EXPECT_EQ(slow_reader->take().frame->damage.size(), 2u);
}

class GuestBlobTest : public FrameFeedsTest {
 protected:
  // 32 x 32 pixels, shown on display 0 from 4, 4 on.
  void SetUp() override {
    FrameFeedsTest::SetUp();
    show(3);
  }
  void show(std::uint32_t id) {
    ASSERT_EQ(guest_.create_blob(id, 4096, 0, gpu::VIRTIO_GPU_BLOB_MEM_GUEST, {{.addr = guest_.kRam, .length = 4096}})
                  ->type(),
              gpu::VIRTIO_GPU_RESP_OK_NODATA);
    gpu::virtio_gpu_set_scanout_blob command{.r = {.x = 4, .y = 4, .width = 28, .height = 28},
                                             .scanout_id = 0,
                                             .resource_id = id,
                                             .width = 32,
                                             .height = 32,
                                             .format = std::to_underlying(gpu::Format::b8g8r8x8)};
    command.strides[0] = 128;
    ASSERT_EQ(guest_.send(gpu::VIRTIO_GPU_CMD_SET_SCANOUT_BLOB, command)->type(), gpu::VIRTIO_GPU_RESP_OK_NODATA);
  }
  void touch(std::uint32_t x, std::uint32_t y, std::byte value) {
    guest_.memory[guest_.kRam + y * 128 + x * 4] = value;
  }
  FeedCounts counts() {
    auto report = std::make_unique<DeviceReport>();
    feeds_.describe(*report);
    return report->feeds;
  }
};

TEST_F(GuestBlobTest, IsCopiedWhereItIsDamaged) {
  touch(4, 4, std::byte{1});
  guest_.flush(3, {.width = 32, .height = 32});
  auto subscriber = subscribe();
  ASSERT_TRUE(answer(*subscriber));
  const auto reader = subscriber->state->subscribe(0, [] {});
  auto news = reader->take();
  ASSERT_TRUE(news.frame);
  EXPECT_EQ(news.frame->copies, Copies::gathered);
  EXPECT_EQ(news.frame->row(0)[0], std::byte{1});
  EXPECT_EQ(counts().gathered_bytes, 28u * 28 * 4);

  touch(10, 11, std::byte{2});
  touch(20, 20, std::byte{3});  // not flushed
  guest_.flush(3, {.x = 10, .y = 11, .width = 2, .height = 1});
  ASSERT_TRUE(answer(*subscriber));
  news = reader->take();
  EXPECT_EQ(news.frame->damage, (std::vector<Rect>{{.x = 6, .y = 7, .width = 2, .height = 1}}));
  EXPECT_EQ(news.frame->row(7)[24], std::byte{2});
  EXPECT_EQ(news.frame->row(16)[64], std::byte{0});
  EXPECT_EQ(counts().gathered_bytes, 28u * 28 * 4 + 8);
}

TEST_F(GuestBlobTest, WhoNeverAsksCostsNothing) {
  auto subscriber = subscribe();
  for (int i = 0; i < 1000; ++i) guest_.flush(3, {.width = 32, .height = 32});
  pump();
  EXPECT_FALSE(subscriber->take());
  EXPECT_EQ(counts().gathers, 0u);
  EXPECT_EQ(counts().frames[2], 0u);
}

TEST_F(GuestBlobTest, OneCopyServesAll) {
  guest_.flush(3, {.width = 32, .height = 32});
  auto one = subscribe();
  auto other = subscribe();
  ASSERT_TRUE(answer(*one));
  ASSERT_TRUE(answer(*other));
  EXPECT_EQ(counts().gathers, 1u);
}

TEST_F(GuestBlobTest, MemoryThatIsGoneIsNotPublished) {
  guest_.memory.remove(guest_.kRam);
  guest_.flush(3, {.width = 32, .height = 32});
  auto subscriber = subscribe();
  ASSERT_TRUE(answer(*subscriber)) << "modes are news all the same";
  EXPECT_FALSE(subscriber->state->subscribe(0, [] {})->take().frame);
}

TEST_F(GuestBlobTest, CopiesOfAllDisplaysHaveALimitTogether) {
  FrameFeeds feeds(*loop_, nullptr, 28 * 28 * 4);
  feeds.tell(*guest_.device);
  class Memory final : public gpu::PixelMemory {
   public:
    std::span<const std::byte> bytes() const noexcept override { return {}; }
    bool read(std::uint64_t, std::span<std::byte>) const noexcept override { return true; }
  } memory;
  const gpu::Picture picture{.width = 28, .height = 28, .stride = 112, .memory = &memory, .in_blob = true};
  const Rect whole{.width = 28, .height = 28};
  auto pair = platform::create_socket_pair();
  feeds.add(std::move(pair->second));
  Subscriber subscriber(std::move(pair->first));
  for (const std::uint32_t display : {0u, 1u}) {
    feeds.set_scanout(display, &picture, whole);
    feeds.flushed(display, whole);
  }
  ASSERT_TRUE(answer(subscriber));
  EXPECT_TRUE(subscriber.state->subscribe(0, [] {})->take().frame);
  EXPECT_FALSE(subscriber.state->subscribe(1, [] {})->take().frame);
  feeds.set_scanout(0, nullptr, {});
  feeds.flushed(1, whole);
  ASSERT_TRUE(answer(subscriber));
  EXPECT_TRUE(subscriber.state->subscribe(1, [] {})->take().frame) << "there is room again";
}

TEST_F(FrameFeedsTest, AnotherSizeIsNewAsAWholeAndSoIsTheFirstOneAgain) {
  make_image(7, 32, 32);
  make_image(8, 16, 16);
  auto subscriber = subscribe();
  const auto show = [&](std::uint32_t id, std::uint32_t size) {
    guest_.set_scanout(0, id, {.width = size, .height = size});
    guest_.flush(id, {.x = 1, .y = 1, .width = 1, .height = 1});
  };
  show(7, 32);
  ASSERT_TRUE(answer(*subscriber));
  const auto reader = subscriber->state->subscribe(0, [] {});
  (void)reader->take();
  show(8, 16);
  ASSERT_TRUE(answer(*subscriber));
  EXPECT_EQ(reader->take().frame->damage, (std::vector<Rect>{{.width = 16, .height = 16}}));
  show(7, 32);
  show(8, 16);
  ASSERT_TRUE(answer(*subscriber));
  EXPECT_EQ(reader->take().frame->damage, (std::vector<Rect>{{.width = 16, .height = 16}}));
}

TEST_F(FrameFeedsTest, AFlipTellsOnlyWhatTheGuestSaysHasChanged) {
  make_image(7, 32, 32);
  make_image(8, 32, 32);
  auto subscriber = subscribe();
  for (const std::uint32_t id : {7u, 8u, 7u, 8u}) {
    guest_.set_scanout(0, id, {.width = 32, .height = 32});
    guest_.flush(id, {.x = id, .y = 1, .width = 1, .height = 1});
    ASSERT_TRUE(answer(*subscriber));
  }
  const auto reader = subscriber->state->subscribe(0, [] {});
  (void)reader->take();
  guest_.set_scanout(0, 7, {.width = 32, .height = 32});
  guest_.flush(7, {.x = 7, .y = 1, .width = 1, .height = 1});
  ASSERT_TRUE(answer(*subscriber));
  EXPECT_EQ(reader->take().frame->damage, (std::vector<Rect>{{.x = 7, .y = 1, .width = 1, .height = 1}}));
  EXPECT_EQ(subscriber->fds.size(), 2u) << "each of both is sent once";
}

TEST_F(FrameFeedsTest, BlankAndResetAreTold) {
  make_image(7, 32, 32);
  guest_.set_scanout(0, 7, {.width = 32, .height = 32});
  draw(7, {.width = 32, .height = 32}, 32, std::byte{1});
  auto subscriber = subscribe();
  ASSERT_TRUE(answer(*subscriber));
  const auto reader = subscriber->state->subscribe(0, [] {});
  const auto kept = *reader->take().frame;
  guest_.set_scanout(0, 0, {});
  ASSERT_TRUE(answer(*subscriber));
  EXPECT_TRUE(reader->take().blank);
  EXPECT_FALSE(reader->take().blank);

  guest_.set_scanout(0, 7, {.width = 32, .height = 32});
  guest_.flush(7, {.width = 1, .height = 1});
  ASSERT_TRUE(answer(*subscriber));
  EXPECT_EQ(reader->take().frame->damage, (std::vector<Rect>{{.width = 32, .height = 32}}));
  guest_.device->reset();
  ASSERT_TRUE(answer(*subscriber));
  EXPECT_TRUE(reader->take().blank);
  EXPECT_EQ(subscriber->state->buffers(), 0u) << "they are forgotten";
  EXPECT_EQ(kept.row(3)[4], std::byte{1}) << "but not unmapped";
}

TEST_F(FrameFeedsTest, AnImageThatIsNotShownAnyMoreIsForgotten) {
  auto subscriber = subscribe();
  for (std::uint32_t id = 1; id <= 500; ++id) {
    make_image(id, 8, 8);
    guest_.set_scanout(0, id, {.width = 8, .height = 8});
    guest_.flush(id, {.width = 8, .height = 8});
    ASSERT_TRUE(answer(*subscriber)) << id;
    EXPECT_LE(subscriber->state->buffers(), 2u);
    guest_.on_resource(gpu::VIRTIO_GPU_CMD_RESOURCE_UNREF, id);
  }
}

TEST_F(FrameFeedsTest, OfTooManyImagesSomeAreCopied) {
  constexpr std::uint32_t kCount = FrameFeeds::kMostShared + 10;
  auto subscriber = subscribe();
  std::size_t gathered = 0;
  for (int round = 0; round < 2; ++round) {
    for (std::uint32_t id = 1; id <= kCount; ++id) {
      if (round == 0) make_image(id, 8, 8);
      guest_.set_scanout(0, id, {.width = 8, .height = 8});
      draw(id, {.width = 8, .height = 8}, 8, static_cast<std::byte>(id));
      ASSERT_TRUE(answer(*subscriber)) << id;
      const auto frame = subscriber->state->subscribe(0, [] {})->take().frame;
      ASSERT_TRUE(frame);
      EXPECT_EQ(frame->row(3)[0], static_cast<std::byte>(id));
      if (frame->copies == Copies::gathered) ++gathered;
    }
  }
  EXPECT_EQ(gathered, 20u);
  EXPECT_LE(subscriber->state->buffers(), frame::kMostBuffers);
}

TEST_F(FrameFeedsTest, CursorsComeWithTheirPictureOnce) {
  auto subscriber = subscribe();
  ASSERT_TRUE(answer(*subscriber));
  const auto reader = subscriber->state->subscribe(1, [] {});
  (void)reader->take();
  gpu::Cursor cursor{.pixels = {}, .hot_x = 3, .hot_y = 4};
  cursor.pixels[100] = std::byte{9};
  feeds_.set_cursor(1, &cursor, {.x = -5, .y = 6});
  ASSERT_TRUE(answer(*subscriber));
  const auto first = reader->take().cursor;
  ASSERT_TRUE(first && first->shape);
  EXPECT_EQ(first->shape->pixels[100], std::byte{9});
  EXPECT_EQ(first->shape->hot_y, 4u);
  EXPECT_EQ(first->position, (gpu::Point{.x = -5, .y = 6}));
  for (int i = 0; i < 9; ++i) feeds_.move_cursor(1, {.x = i, .y = i});
  ASSERT_TRUE(answer(*subscriber));
  const auto moved = reader->take().cursor;
  EXPECT_EQ(moved->position, (gpu::Point{.x = 8, .y = 8}));
  EXPECT_EQ(moved->shape, first->shape) << "the same one";
  feeds_.set_cursor(1, nullptr, {});
  ASSERT_TRUE(answer(*subscriber));
  EXPECT_EQ(reader->take().cursor->shape, nullptr);
  EXPECT_FALSE(answer(*subscriber)) << "there is nothing to tell";
}

TEST_F(FrameFeedsTest, AModeThatAViewerAsksForIsOfferedAndTold) {
  auto subscriber = subscribe();
  ASSERT_TRUE(answer(*subscriber));
  const auto reader = subscriber->state->subscribe(1, [] {});
  (void)reader->take();
  subscriber->ask();
  const auto ask_for = [&](std::uint32_t display, std::uint32_t width, std::uint32_t height) {
    subscriber->request({.question = FeedQuestion::ask_for_mode, .display = display, .width = width, .height = height});
    pump();
  };
  ask_for(1, 1600, 900);
  EXPECT_EQ(guest_.device->outputs().get(1).monitor.width, 1600u);
  EXPECT_EQ(guest_.device->outputs().get(1).monitor.refresh_mhz, gpu::Monitor{}.refresh_mhz);
  ASSERT_TRUE(subscriber->take());
  EXPECT_EQ(
      reader->take().info,
      (frame::DisplayInfo{.connected = true, .width = 1600, .height = 900, .refresh_mhz = gpu::Monitor{}.refresh_mhz}));
  for (const auto& [display, width, height] : {std::tuple(1u, 0u, 900u), {1u, 1u << 20, 900u}, {2u, 640u, 480u}})
    ask_for(display, width, height);
  EXPECT_FALSE(subscriber->closed) << "it is a wish";
  EXPECT_EQ(guest_.device->outputs().get(1).monitor.width, 1600u);
}

TEST_F(FrameFeedsTest, TheWorkThatEndedBeforeAFlushIsToldWithIt) {
  make_image(7, 8, 8);
  guest_.set_scanout(0, 7, {.width = 8, .height = 8});
  guest_.create_context(1);
  guest_.submit_fenced({.id = 1, .context = 1, .ring_idx = 1});
  guest_.submit_fenced({.id = 2, .context = 1, .ring_idx = 1});
  guest_.reach(1, 1);
  guest_.flush(7, {.width = 8, .height = 8});
  auto subscriber = subscribe();
  ASSERT_TRUE(answer(*subscriber));
  const auto reader = subscriber->state->subscribe(0, [] {});
  const auto times = reader->take().frame->times;
  EXPECT_NE(times.submitted, 0u);
  EXPECT_GE(times.rendered, times.submitted);
  EXPECT_GE(times.flushed, times.rendered);
  guest_.flush(7, {.width = 8, .height = 8});
  ASSERT_TRUE(answer(*subscriber));
  EXPECT_EQ(reader->take().frame->times.rendered, 0u) << "that work was told with the frame before";
}

TEST_F(FrameFeedsTest, WhoBreaksTheProtocolIsHungUpOnAlone) {
  auto good = subscribe();
  const auto sends = [&](const FeedRequest& request, std::size_t times, std::size_t size = sizeof(FeedRequest)) {
    auto pair = platform::create_socket_pair();
    feeds_.add(std::move(pair->second));
    pump();
    for (std::size_t i = 0; i < times; ++i)
      (void)platform::send_message(pair->first.get(), std::as_bytes(std::span(&request, 1)).first(size), -1);
    pump();
    return feeds_.count();
  };
  // A first question is answered, as modes are news; the third comes while the second waits.
  EXPECT_EQ(sends({.question = FeedQuestion::next}, 3), 1u);
  EXPECT_EQ(sends({.version = 1, .question = FeedQuestion::next}, 1), 1u);
  EXPECT_EQ(sends({.question = static_cast<FeedQuestion>(3)}, 1), 1u);
  EXPECT_EQ(sends({.question = FeedQuestion::next}, 1, 31), 1u);
  EXPECT_TRUE(answer(*good));
  good.reset();
  pump();
  EXPECT_EQ(feeds_.count(), 0u) << "who leaves is forgotten";
}

TEST_F(FrameFeedsTest, SubscribersAreCounted) {
  std::vector<std::unique_ptr<Subscriber>> all;
  for (std::size_t i = 0; i < FrameFeeds::kMost; ++i) all.push_back(subscribe());
  EXPECT_TRUE(feeds_.full());
  auto late = subscribe();
  late->take();
  EXPECT_TRUE(late->closed);
  EXPECT_EQ(feeds_.count(), FrameFeeds::kMost);
}

}  // namespace
}  // namespace hesper::device
