// MessageSink: a Sink whose calls become messages of an input channel (channel.h). Sends nothing itself.
#pragma once

#include <functional>
#include <span>
#include <utility>
#include <vector>

#include "input/channel.h"
#include "input/sink.h"

namespace hesper::input {

class MessageSink : public Sink {
 public:
  // send: called by flush() with what happened since the last one, the flush itself at its end.
  using Send = std::function<void(std::span<const ChannelMessage>)>;
  explicit MessageSink(Send send) : send_(std::move(send)) {}

  void key(KeyCode code, bool down) override {
    add({.kind = ChannelKind::key, .what = static_cast<std::uint32_t>(code), .a = down ? 1 : 0});
  }
  void button(KeyCode code, bool down) override {
    add({.kind = ChannelKind::button, .what = static_cast<std::uint32_t>(code), .a = down ? 1 : 0});
  }
  void move_to(std::uint32_t display, std::uint16_t x, std::uint16_t y) override {
    add({.kind = ChannelKind::move_to, .what = display, .a = x, .b = y});
  }
  void move_by(std::int32_t x, std::int32_t y) override { add({.kind = ChannelKind::move_by, .a = x, .b = y}); }
  void scroll(std::int32_t vertical, std::int32_t horizontal) override {
    add({.kind = ChannelKind::scroll, .a = vertical, .b = horizontal});
  }
  void touch(std::uint32_t finger, std::uint32_t display, std::uint16_t x, std::uint16_t y) override {
    add({.kind = ChannelKind::touch, .finger = static_cast<std::uint16_t>(finger), .what = display, .a = x, .b = y});
  }
  void touch_end(std::uint32_t finger) override {
    add({.kind = ChannelKind::touch_end, .finger = static_cast<std::uint16_t>(finger)});
  }
  void flush() override {
    if (open_.empty()) return;
    open_.push_back({.kind = ChannelKind::flush});
    send_(open_);
    open_.clear();
  }

 private:
  // Who never flushes has his messages sent all the same.
  static constexpr std::size_t kMostOpen = 256;
  void add(const ChannelMessage& message) {
    open_.push_back(message);
    if (open_.size() >= kMostOpen) flush();
  }

  const Send send_;
  std::vector<ChannelMessage> open_;  // since the last flush
};

}  // namespace hesper::input
