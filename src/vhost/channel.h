// Channel: our requests to the front-end, one at a time. Knows the framing and who waits for an answer, not what the
// requests mean.
//
// QEMU 11.1 crashes if a request reaches it while the device does not run, so requests wait here until it does, and
// only one is on its way at any time. Nothing here waits for an answer: the loop calls.
#pragma once

#include <array>
#include <cstddef>
#include <deque>
#include <functional>
#include <span>
#include <vector>

#include "base/error.h"
#include "base/unique_fd.h"
#include "platform/event_loop.h"
#include "vhost/protocol.h"

namespace hesper::vhost {

// The loop's thread.
class Channel {
 public:
  // Errors: ECANCELED after cancel(), EPIPE without a channel, EIO if the front-end refuses.
  using Done = std::function<void(Result<void>)>;

  // A sentence.
  using OnLost = std::function<void(const char* reason)>;

  // may_send: asked before each request. on_lost: the front-end has closed the channel, or what it does there makes no
  // sense, and the channel is closed.
  Channel(platform::EventLoop& loop, std::function<bool()> may_send, OnLost on_lost)
      : loop_(loop), may_send_(std::move(may_send)), on_lost_(std::move(on_lost)) {}
  Channel(const Channel&) = delete;
  Channel& operator=(const Channel&) = delete;
  ~Channel();

  // socket: replaces the one that was. What was on its way fails.
  // replies: the front-end answers; if it does not, a request counts as done once it is sent.
  void open(UniqueFd socket, bool replies);
  // What waits, and what comes, fails.
  void close();
  [[nodiscard]] bool is_open() const noexcept { return static_cast<bool>(socket_); }

  // done: called once, not from within send(); may be empty. fd: sent along, if there is one.
  void send(BackEndRequest number, std::span<const std::byte> payload, UniqueFd fd, Done done);
  // True if such a request waits to be sent.
  [[nodiscard]] bool is_waiting(BackEndRequest number) const noexcept;
  // Sends what may be sent. To be called whenever may_send may have become true.
  void flush();
  // All requests fail. One that was sent is still waited for, before the next one goes out.
  void cancel();

 private:
  struct Waiting {
    BackEndRequest number;
    std::vector<std::byte> message;
    UniqueFd fd;
    Done done;
  };

  void on_readable();
  void lose(const char* reason);
  void finish(Done done, Result<void> result);

  platform::EventLoop& loop_;
  std::function<bool()> may_send_;
  OnLost on_lost_;
  UniqueFd socket_;
  platform::EventLoop::Watch watch_;
  bool replies_ = false;
  std::deque<Waiting> waiting_;
  bool in_flight_ = false;
  BackEndRequest in_flight_number_{};
  Done in_flight_done_;
  std::array<std::byte, sizeof(MessageHeader) + sizeof(std::uint64_t)> reply_{};
  std::size_t received_ = 0;  // bytes of reply_
};

}  // namespace hesper::vhost
