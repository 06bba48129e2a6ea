// Outbox: what is sent over a socket without ever waiting for its reader. Knows no message.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <span>
#include <vector>

#include "base/budget.h"
#include "base/unique_fd.h"
#include "platform/event_loop.h"

namespace hesper::link {

// The loop's thread.
class Outbox {
 public:
  // socket: borrowed; open as long as this lives. most: bytes that may wait here for the reader. budget: what all
  // outboxes together may hold; outlives this, as the loop does.
  Outbox(platform::EventLoop& loop, int socket, std::uint64_t most, Budget& budget) noexcept
      : loop_(loop), socket_(socket), budget_(budget), most_(most) {}

  // Sends head and then tail, as one message; what the socket does not take at once is copied and follows later.
  // fd: goes with the first byte; nullptr: none. False, from then on: the reader is gone, or too slow for `most`.
  bool send(std::span<const std::byte> head, std::span<const std::byte> tail = {},
            const std::shared_ptr<const UniqueFd>& fd = nullptr);

  // Bytes that wait.
  [[nodiscard]] std::uint64_t waiting() const noexcept { return waiting_; }

 private:
  struct Piece {
    std::vector<std::byte> bytes;
    std::size_t sent = 0;
    std::shared_ptr<const UniqueFd> fd;  // until the first byte is out
    Budget::Charge charge;
  };

  [[nodiscard]] bool keep(std::span<const std::byte> head, std::span<const std::byte> tail,
                          const std::shared_ptr<const UniqueFd>& fd);
  void send_waiting();

  platform::EventLoop& loop_;
  const int socket_;
  Budget& budget_;
  const std::uint64_t most_;
  std::uint64_t waiting_ = 0;
  bool broken_ = false;
  std::deque<Piece> pieces_;
  platform::EventLoop::Watch writable_;  // while pieces wait
};

}  // namespace hesper::link
