// QemuConsole: what QEMU is told is what the guest shows, in QEMU's order, at QEMU's pace, and no more than it takes.
#include "device/qemu_console.h"

#include <gtest/gtest.h>

#include <chrono>
#include <cstring>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "platform/signals.h"
#include "platform/socket.h"

namespace hesper::device {
namespace {

class Memory final : public gpu::PixelMemory {
 public:
  explicit Memory(std::size_t size, std::byte value = std::byte{1}) : content(size, value) {}
  [[nodiscard]] std::span<const std::byte> bytes() const noexcept override { return {}; }
  [[nodiscard]] bool read(std::uint64_t offset, std::span<std::byte> to) const noexcept override {
    if (gone || offset + to.size() > content.size()) return false;
    std::memcpy(to.data(), content.data() + offset, to.size());
    return true;
  }
  std::vector<std::byte> content;
  bool gone = false;
};

struct Message {
  std::uint32_t request;
  std::vector<std::byte> payload;
  [[nodiscard]] std::vector<std::uint32_t> words(std::size_t count) const {
    std::vector<std::uint32_t> result(count);
    EXPECT_GE(payload.size(), count * 4);
    std::memcpy(result.data(), payload.data(), std::min(payload.size(), count * 4));
    return result;
  }
};

using Words = std::vector<std::uint32_t>;

class QemuConsoleTest : public ::testing::Test {
 protected:
  void SetUp() override { platform::ignore_broken_pipes(); }
  void connect() {
    auto pair = platform::create_socket_pair();
    ASSERT_TRUE(pair);
    qemu_ = std::move(pair->first);
    received_.clear();
    console_.connect(std::move(pair->second));
  }
  // Reads all that there is; what has come as a whole.
  std::vector<Message> take() {
    std::vector<std::byte> bytes(1 << 16);
    for (int idle = 0; idle < 3;) {
      loop_->run_once(std::chrono::milliseconds(0));
      const auto part = platform::receive_part(qemu_.get(), bytes, 0);
      idle = part.size == 0 ? idle + 1 : 0;
      received_.insert(received_.end(), bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(part.size));
    }
    std::vector<Message> messages;
    while (received_.size() >= 12) {
      std::uint32_t head[3];
      std::memcpy(head, received_.data(), sizeof(head));
      if (received_.size() < 12 + std::size_t{head[2]}) break;
      EXPECT_EQ(head[1], 0u);
      const auto end = received_.begin() + 12 + static_cast<std::ptrdiff_t>(head[2]);
      messages.push_back({.request = head[0], .payload = {received_.begin() + 12, end}});
      received_.erase(received_.begin(), end);
    }
    return messages;
  }
  [[nodiscard]] gpu::Picture picture(std::uint32_t width, std::uint32_t height) {
    return {.format = gpu::Format::b8g8r8x8, .width = width, .height = height, .stride = width * 4, .memory = &memory_};
  }

  Memory memory_{64 * 48 * 4};
  std::unique_ptr<platform::EventLoop> loop_ = *platform::EventLoop::create();
  QemuConsole console_{*loop_};
  UniqueFd qemu_;
  std::vector<std::byte> received_;
};

constexpr gpu::Rect kAll{.x = 0, .y = 0, .width = 64, .height = 48};

TEST_F(QemuConsoleTest, ASurfaceComesBeforeItsPixels) {
  const auto shown = picture(64, 48);
  connect();
  console_.set_scanout(0, &shown, kAll);
  const auto messages = take();
  ASSERT_EQ(messages.size(), 2u);
  EXPECT_EQ(messages[0].request, 7u);
  EXPECT_EQ(messages[0].words(3), (Words{0, 64, 48}));
  EXPECT_EQ(messages[1].request, 8u);
  EXPECT_EQ(messages[1].words(5), (Words{0, 0, 0, 64, 48}));
  EXPECT_EQ(messages[1].payload.size(), 20u + 64 * 48 * 4);
}

TEST_F(QemuConsoleTest, WhoConnectsLaterIsToldAll) {
  const auto shown = picture(64, 48);
  console_.set_scanout(3, &shown, kAll);
  gpu::Cursor cursor{.pixels = {}, .hot_x = 2, .hot_y = 3};
  cursor.pixels[0] = std::byte{9};
  console_.set_cursor(3, &cursor, {.x = -5, .y = 7});
  for (int i = 0; i < 2; ++i) {
    connect();
    const auto messages = take();
    ASSERT_EQ(messages.size(), 3u);
    EXPECT_EQ(messages[0].request, 7u);
    EXPECT_EQ(messages[1].request, 6u);
    EXPECT_EQ(messages[1].words(5), (Words{3, 0xfffffffb, 7, 2, 3}));
    EXPECT_EQ(messages[1].payload.size(), 20u + 64 * 64 * 4);
    EXPECT_EQ(messages[1].payload[20], std::byte{9});
    EXPECT_EQ(messages[2].request, 8u);
  }
}

TEST_F(QemuConsoleTest, OnlyWhatHasChangedIsSent) {
  const auto shown = picture(64, 48);
  const gpu::Rect part{.x = 10, .y = 20, .width = 30, .height = 20};
  connect();
  console_.set_scanout(0, &shown, part);
  static_cast<void>(take());
  // In pixels of the picture; half of it is not within the part.
  console_.flushed(0, {.x = 5, .y = 25, .width = 10, .height = 2});
  const auto messages = take();
  ASSERT_EQ(messages.size(), 1u);
  EXPECT_EQ(messages[0].words(5), (Words{0, 0, 5, 5, 2}));
  console_.flushed(0, {.x = 0, .y = 0, .width = 10, .height = 20});
  EXPECT_TRUE(take().empty());
}

TEST_F(QemuConsoleTest, PixelsAreThoseOfTheGuestsFormat) {
  auto shown = picture(64, 48);
  shown.format = gpu::Format::r8g8b8x8;
  memory_.content[0] = std::byte{0x11};
  memory_.content[2] = std::byte{0x33};
  connect();
  console_.set_scanout(0, &shown, kAll);
  const auto messages = take();
  ASSERT_EQ(messages.size(), 2u);
  EXPECT_EQ(messages[1].payload[20], std::byte{0x33});
  EXPECT_EQ(messages[1].payload[22], std::byte{0x11});
}

TEST_F(QemuConsoleTest, AQemuThatDoesNotReadGetsTheNewestInOne) {
  memory_ = Memory(std::size_t{1024} * 1024 * 4);
  const auto shown = picture(1024, 1024);
  const gpu::Rect all{.x = 0, .y = 0, .width = 1024, .height = 1024};
  connect();
  console_.set_scanout(0, &shown, all);
  std::ranges::fill(memory_.content, std::byte{2});
  for (int i = 0; i < 1000; ++i) console_.flushed(0, all);
  const auto messages = take();
  ASSERT_EQ(messages.size(), 3u);
  EXPECT_EQ(messages[1].payload[20], std::byte{1});
  EXPECT_EQ(messages[2].payload[20], std::byte{2});
}

TEST_F(QemuConsoleTest, LargePicturesComeInBands) {
  memory_ = Memory(std::size_t{2048} * 2048 * 4);
  const auto shown = picture(2048, 2048);
  connect();
  console_.set_scanout(0, &shown, {.x = 0, .y = 0, .width = 2048, .height = 2048});
  const auto messages = take();
  ASSERT_EQ(messages.size(), 5u);
  for (std::uint32_t i = 0; i < 4; ++i) EXPECT_EQ(messages[i + 1].words(5), (Words{0, 0, i * 512, 2048, 512}));
}

TEST_F(QemuConsoleTest, OffAndHiddenAreTold) {
  const auto shown = picture(64, 48);
  const gpu::Cursor cursor{.pixels = {}, .hot_x = 0, .hot_y = 0};
  connect();
  console_.set_scanout(0, &shown, kAll);
  console_.set_cursor(0, &cursor, {});
  static_cast<void>(take());
  console_.move_cursor(0, {.x = 1, .y = 2});
  console_.set_cursor(0, nullptr, {.x = 3, .y = 4});
  console_.set_scanout(0, nullptr, {});
  const auto messages = take();
  ASSERT_EQ(messages.size(), 3u);
  EXPECT_EQ(messages[0].request, 4u);
  EXPECT_EQ(messages[0].words(3), (Words{0, 1, 2}));
  EXPECT_EQ(messages[1].request, 5u);
  EXPECT_EQ(messages[2].words(3), (Words{0, 0, 0}));
}

TEST_F(QemuConsoleTest, MemoryThatIsGoneIsNotSent) {
  const auto shown = picture(64, 48);
  memory_.gone = true;
  connect();
  console_.set_scanout(0, &shown, kAll);
  EXPECT_EQ(take().size(), 1u);
  memory_.gone = false;
  console_.flushed(0, kAll);
  EXPECT_EQ(take().size(), 1u);
}

TEST_F(QemuConsoleTest, AQemuThatLeavesIsForgotten) {
  const auto shown = picture(64, 48);
  connect();
  qemu_ = UniqueFd();
  for (int i = 0; i < 3; ++i) loop_->run_once(std::chrono::milliseconds(0));
  EXPECT_FALSE(console_.connected());
  console_.set_scanout(0, &shown, kAll);
  connect();
  EXPECT_EQ(take().size(), 2u);
}

}  // namespace
}  // namespace hesper::device
