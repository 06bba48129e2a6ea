// FakeSource and FakeInput: a guest's displays and input devices for tests of screens, without a device.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "frame/source.h"
#include "gpu/protocol.h"
#include "input/sink.h"

namespace hesper::test {

class FakeBuffer final : public frame::PixelBuffer {
 public:
  explicit FakeBuffer(std::size_t size) : bytes_(size) {}
  [[nodiscard]] std::span<const std::byte> bytes() const noexcept override { return bytes_; }
  [[nodiscard]] std::span<std::byte> writable() noexcept { return bytes_; }

 private:
  std::vector<std::byte> bytes_;
};

// A picture whose pixel at x, y is colour(x, y), 0xRRGGBB.
inline frame::Frame make_frame(std::uint32_t width, std::uint32_t height,
                               const std::function<std::uint32_t(std::uint32_t, std::uint32_t)>& colour,
                               gpu::Format format = gpu::Format::b8g8r8x8) {
  const std::uint32_t stride = 4 * width + 16;
  auto buffer = std::make_shared<FakeBuffer>(64 + std::size_t{stride} * height);
  const gpu::FormatInfo& info = gpu::format_info(format);
  for (std::uint32_t y = 0; y < height; ++y) {
    for (std::uint32_t x = 0; x < width; ++x) {
      const auto to = buffer->writable().subspan(64 + std::size_t{stride} * y + 4 * std::size_t{x}, 4);
      const std::uint32_t rgb = colour(x, y);
      to[0] = to[1] = to[2] = to[3] = std::byte{0xa5};  // what is no colour is anything
      to[info.red] = static_cast<std::byte>(rgb >> 16U);
      to[info.green] = static_cast<std::byte>(rgb >> 8U);
      to[info.blue] = static_cast<std::byte>(rgb);
    }
  }
  return {.serial = 1,
          .buffer = std::move(buffer),
          .format = format,
          .width = width,
          .height = height,
          .offset = 64,
          .stride = stride,
          .damage = {{.width = width, .height = height}},
          .times = {.flushed = 1, .published = 2, .received = 3}};
}

// Any thread.
class FakeSource final : public frame::Source {
 public:
  // What the display shows from now on. Its serial is given here.
  void show(std::uint32_t display, const frame::Frame& frame) {
    change(display, [&](frame::News& news, State& state) {
      frame::Frame next = frame;
      next.serial = ++state.serial;
      if (news.frame)  // nobody took the last one: its damage counts on
        next.damage.insert(next.damage.end(), news.frame->damage.begin(), news.frame->damage.end());
      news.frame = std::move(next);
      news.blank = false;
    });
  }
  void show_cursor(std::uint32_t display, const frame::Cursor& cursor) {
    change(display, [&](frame::News& news, State&) { news.cursor = cursor; });
  }
  void blank(std::uint32_t display) {
    change(display, [](frame::News& news, State&) {
      news.frame.reset();
      news.blank = true;
    });
  }
  void set_info(std::uint32_t display, const frame::DisplayInfo& info) {
    {
      const std::scoped_lock lock(mutex_);
      states_.at(display).info = info;
    }
    change(display, [&](frame::News& news, State&) { news.info = info; });
  }
  void end() {
    for (std::uint32_t display = 0; display < states_.size(); ++display)
      change(display, [](frame::News& news, State&) { news.ended = true; });
  }
  // Frames that readers have taken.
  [[nodiscard]] std::size_t taken() const {
    const std::scoped_lock lock(mutex_);
    return taken_;
  }
  [[nodiscard]] std::size_t readers() const {
    const std::scoped_lock lock(mutex_);
    return readers_.size();
  }
  [[nodiscard]] std::vector<std::string> wishes() const {
    const std::scoped_lock lock(mutex_);
    return wishes_;
  }

  std::unique_ptr<frame::Reader> subscribe(std::uint32_t display, std::function<void()> on_news) override {
    auto reader = std::make_unique<FakeReader>(*this, display, std::move(on_news));
    const std::scoped_lock lock(mutex_);
    const State& state = states_.at(display);
    reader->news_.info = state.info;
    if (state.frame) {
      reader->news_.frame = state.frame;
      reader->news_.frame->damage = {{.width = state.frame->width, .height = state.frame->height}};
    }
    reader->news_.cursor = state.cursor;
    readers_.insert(reader.get());
    return reader;
  }
  frame::DisplayInfo info(std::uint32_t display) const override {
    const std::scoped_lock lock(mutex_);
    return states_.at(display).info;
  }
  void ask_for_mode(std::uint32_t display, std::uint32_t width, std::uint32_t height, std::uint32_t) override {
    const std::scoped_lock lock(mutex_);
    wishes_.push_back(fmt::format("display {}: {}x{}", display, width, height));
  }

 private:
  struct State {
    frame::DisplayInfo info;
    std::optional<frame::Frame> frame;
    std::optional<frame::Cursor> cursor;
    std::uint64_t serial = 0;
  };
  struct FakeReader final : frame::Reader {
    FakeReader(FakeSource& source, std::uint32_t display, std::function<void()> on_news)
        : source_(source), display_(display), on_news_(std::move(on_news)) {}
    ~FakeReader() override {
      const std::scoped_lock lock(source_.mutex_);
      source_.readers_.erase(this);
    }
    frame::News take() override {
      const std::scoped_lock lock(source_.mutex_);
      told_ = false;
      if (news_.frame) ++source_.taken_;
      return std::exchange(news_, {});
    }
    FakeSource& source_;
    const std::uint32_t display_;
    const std::function<void()> on_news_;
    frame::News news_;
    bool told_ = false;
  };

  template <class Change>
  void change(std::uint32_t display, Change&& apply) {
    const std::scoped_lock lock(mutex_);
    State& state = states_.at(display);
    frame::News now;
    apply(now, state);
    if (now.frame) state.frame = now.frame;
    if (now.blank) state.frame.reset();
    if (now.cursor) state.cursor = now.cursor;
    for (FakeReader* reader : readers_) {
      if (reader->display_ != display) continue;
      State same = state;
      same.serial = state.serial - (now.frame ? 1 : 0);  // each reader gets the same serial
      apply(reader->news_, same);
      if (!std::exchange(reader->told_, true)) reader->on_news_();
    }
  }

  mutable std::mutex mutex_;
  std::array<State, gpu::VIRTIO_GPU_MAX_SCANOUTS> states_;
  std::set<FakeReader*> readers_;
  std::size_t taken_ = 0;
  std::vector<std::string> wishes_;
};

// Any thread.
class FakeInput final : public input::Input {
 public:
  std::unique_ptr<input::Sink> join(std::function<void(input::Leds)> on_leds) override {
    const std::scoped_lock lock(mutex_);
    on_leds_ = std::move(on_leds);
    on_leds_(leds_);
    return std::make_unique<FakeSink>(*this);
  }
  void set_leds(input::Leds leds) {
    const std::scoped_lock lock(mutex_);
    leds_ = leds;
    if (on_leds_) on_leds_(leds);
  }
  // What has come so far: "key 30 down", "move 0 32768 0", ...
  [[nodiscard]] std::vector<std::string> log() const {
    const std::scoped_lock lock(mutex_);
    return log_;
  }

 private:
  struct FakeSink final : input::Sink {
    explicit FakeSink(FakeInput& input) : input_(input) {}
    ~FakeSink() override { add("gone"); }
    void key(input::KeyCode code, bool down) override {
      add(fmt::format("key {} {}", static_cast<int>(code), down ? "down" : "up"));
    }
    void button(input::KeyCode code, bool down) override {
      add(fmt::format("button {:#x} {}", static_cast<int>(code), down ? "down" : "up"));
    }
    void move_to(std::uint32_t display, std::uint16_t x, std::uint16_t y) override {
      add(fmt::format("move to {} {} {}", display, x, y));
    }
    void move_by(std::int32_t x, std::int32_t y) override { add(fmt::format("move by {} {}", x, y)); }
    void scroll(std::int32_t vertical, std::int32_t horizontal) override {
      add(fmt::format("scroll {} {}", vertical, horizontal));
    }
    void touch(std::uint32_t finger, std::uint32_t display, std::uint16_t x, std::uint16_t y) override {
      add(fmt::format("touch {} {} {} {}", finger, display, x, y));
    }
    void touch_end(std::uint32_t finger) override { add(fmt::format("touch end {}", finger)); }
    void flush() override {}
    void add(std::string line) {
      const std::scoped_lock lock(input_.mutex_);
      input_.log_.push_back(std::move(line));
    }
    FakeInput& input_;
  };

  mutable std::mutex mutex_;
  std::function<void(input::Leds)> on_leds_;
  input::Leds leds_;
  std::vector<std::string> log_;
};

}  // namespace hesper::test
