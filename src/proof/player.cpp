// A line out, a line in.
#include "proof/player.h"

#include <fmt/format.h>
#include <poll.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include "platform/socket.h"

namespace hesper::proof {
namespace {

constexpr std::chrono::milliseconds kWatchPeriod{100};

}  // namespace

Result<void> Player::greet() {
  auto line = read_line();
  if (!line) return std::unexpected(std::move(line.error()));
  if (*line != kHello) return fail("The guest does not say what it should say first.", EPROTO);
  return {};
}

Result<Start> Player::start() {
  auto line = read_line();
  if (!line) return std::unexpected(std::move(line.error()));
  return parse_start(*line);
}

Result<Answer> Player::submit(std::span<const std::byte> request) {
  const auto line = ask(submit_line(request));
  if (!line) return std::unexpected(line.error());
  return parse_answer(*line);
}

Result<Rounds> Player::repeat(std::size_t rounds) {
  const auto line = ask(fmt::format("repeat {:x}", rounds));
  if (!line) return std::unexpected(line.error());
  return parse_rounds(*line, rounds);
}

Result<void> Player::paint(std::uint64_t offset, std::uint64_t stride, std::uint32_t width, std::uint32_t height,
                           std::uint32_t pixel) {
  const auto line = ask(fmt::format("paint {:x} {:x} {:x} {:x} {:x}", offset, stride, width, height, pixel));
  if (!line) return std::unexpected(line.error());
  return parse_done(*line);
}

Result<std::vector<std::byte>> Player::read(std::uint64_t offset, std::size_t size) {
  const auto line = ask(fmt::format("read {:x} {:x}", offset, size));
  if (!line) return std::unexpected(line.error());
  return parse_bytes(*line, size);
}

Result<std::uint64_t> Player::hash(std::uint64_t offset, std::uint64_t size) {
  const auto line = ask(fmt::format("hash {:x} {:x}", offset, size));
  if (!line) return std::unexpected(line.error());
  return parse_value(*line, "hash");
}

Result<std::uint64_t> Player::clock() {
  const auto line = ask("clock");
  if (!line) return std::unexpected(line.error());
  return parse_value(*line, "clock");
}

Result<std::string> Player::ask(std::string line) {
  line += '\n';
  // The guest takes 16 bytes at a time, and nothing else of ours goes this way: what does not fit waits.
  if (!platform::wait_and_send(socket_.get(), std::as_bytes(std::span(line))))
    return fail("The guest's serial line has ended.", EPIPE);
  return read_line();
}

Result<std::string> Player::read_line() {
  for (;;) {
    if (const std::size_t end = unread_.find('\n'); end != std::string::npos) {
      std::string line = unread_.substr(0, end);
      unread_.erase(0, end + 1);
      return line;
    }
    if (unread_.size() > kLongestLine) return fail("The guest's line has no end.", EPROTO);
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline_ - Clock::now());
    if (left.count() <= 0) return fail("The guest does not answer in time.", ETIMEDOUT);
    pollfd waiting{.fd = socket_.get(), .events = POLLIN, .revents = 0};
    const int ready = ::poll(&waiting, 1, static_cast<int>(std::min(left, kWatchPeriod).count()));
    if (ready <= 0) {
      if (auto watched = watch_(); !watched) return std::unexpected(std::move(watched.error()));
      continue;
    }
    std::array<std::byte, 4096> bytes;
    const auto part = platform::receive_part(socket_.get(), bytes, 0);
    unread_.append(reinterpret_cast<const char*>(bytes.data()), part.size);
    if (part.closed) {
      if (auto watched = watch_(); !watched) return std::unexpected(std::move(watched.error()));
      return fail("The guest's serial line has ended.", EPIPE);
    }
  }
}

}  // namespace hesper::proof
