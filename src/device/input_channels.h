// InputChannels: viewers that type and point over connections of their own (input/channel.h), each a member of the
// guest's input::Seat. Accepts no connection itself.
#pragma once

#include <array>
#include <cstddef>
#include <list>
#include <memory>

#include "base/unique_fd.h"
#include "input/channel.h"
#include "input/seat.h"
#include "platform/event_loop.h"

namespace hesper::device {

// The loop's thread. Never waits: who sends what makes no sense, or does not read what comes back, loses his channel.
class InputChannels {
 public:
  static constexpr std::size_t kMost = 256;  // open at a time

  // Both outlive this.
  InputChannels(platform::EventLoop& loop, input::Seat& seat) noexcept : loop_(loop), seat_(seat) {}

  [[nodiscard]] bool full() const noexcept { return channels_.size() >= kMost; }
  // Not if it is full. socket: a control connection that was asked to become a channel, and has answered.
  void add(UniqueFd socket);
  [[nodiscard]] std::size_t count() const noexcept { return channels_.size(); }

 private:
  // Messages that are taken before others get their turn.
  static constexpr std::size_t kBatch = 64;
  struct Channel {
    UniqueFd socket;
    std::array<input::ChannelMessage, kBatch> received{};
    std::size_t size = 0;  // bytes of `received`
    bool broken = false;
    std::unique_ptr<input::Sink> sink;
    platform::EventLoop::Watch watch;
  };
  using Place = std::list<Channel>::iterator;

  void on_readable(Place place);

  platform::EventLoop& loop_;
  input::Seat& seat_;
  std::list<Channel> channels_;
};

}  // namespace hesper::device
