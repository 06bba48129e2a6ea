// Player: the host's end of the player's line: what the guest does, one request at a time. Knows no command of the
// GPU's.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/unique_fd.h"
#include "proof/lines.h"

namespace hesper::proof {

// Every call blocks until the answer is there. Errors: ETIMEDOUT (it is past the deadline), EPIPE (the line has ended),
// EPROTO (it says something else), and what `watch` says.
class Player {
 public:
  using Clock = std::chrono::steady_clock;
  // Asked now and then while nothing comes: an error ends the wait.
  using Watch = std::function<Result<void>()>;

  // socket: connected with the guest's serial line.
  Player(UniqueFd socket, Clock::time_point deadline, Watch watch)
      : socket_(std::move(socket)), deadline_(deadline), watch_(std::move(watch)) {}

  // The first two calls: its code runs; it has found its GPU.
  [[nodiscard]] Result<void> greet();
  [[nodiscard]] Result<Start> start();

  [[nodiscard]] Result<Answer> submit(std::span<const std::byte> request);
  // The last request again, and with a number of its own each if it is fenced. rounds: 1 to kMostRounds.
  [[nodiscard]] Result<Rounds> repeat(std::size_t rounds);
  [[nodiscard]] Result<void> paint(std::uint64_t offset, std::uint64_t stride, std::uint32_t width,
                                   std::uint32_t height, std::uint32_t pixel);
  // size: at most kMostRead.
  [[nodiscard]] Result<std::vector<std::byte>> read(std::uint64_t offset, std::size_t size);
  [[nodiscard]] Result<std::uint64_t> hash(std::uint64_t offset, std::uint64_t size);
  [[nodiscard]] Result<std::uint64_t> clock();

 private:
  [[nodiscard]] Result<std::string> ask(std::string line);
  [[nodiscard]] Result<std::string> read_line();

  UniqueFd socket_;
  Clock::time_point deadline_;
  Watch watch_;
  std::string unread_;
};

}  // namespace hesper::proof
