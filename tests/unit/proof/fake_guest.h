// FakeGuest: the other end of a player's line, in a thread: says what a test tells it to.
#pragma once

#include <array>
#include <functional>
#include <span>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>

#include "platform/socket.h"
#include "proof/player.h"

namespace hesper::proof::test {

class FakeGuest {
 public:
  // answer: to each line, without its end; an empty one ends the line.
  using Answer = std::function<std::string(const std::string&)>;

  explicit FakeGuest(Answer answer, std::string first = {}) {
    auto pair = platform::create_socket_pair();
    if (!pair) throw std::runtime_error(pair.error().message);
    ours_ = std::move(pair->first);
    thread_ = std::thread([socket = std::move(pair->second), answer = std::move(answer), first = std::move(first)] {
      static_cast<void>(platform::wait_and_send(socket.get(), std::as_bytes(std::span(first))));
      std::string unread;
      for (;;) {
        std::array<std::byte, 4096> bytes;
        const auto part = platform::wait_for_part(socket.get(), bytes, 0);
        if (part.closed) return;
        unread.append(reinterpret_cast<const char*>(bytes.data()), part.size);
        for (std::size_t end = 0; (end = unread.find('\n')) != std::string::npos; unread.erase(0, end + 1)) {
          std::string said = answer(unread.substr(0, end));
          if (said.empty()) return;
          said += '\n';
          if (!platform::wait_and_send(socket.get(), std::as_bytes(std::span(said)))) return;
        }
      }
    });
  }
  FakeGuest(const FakeGuest&) = delete;
  FakeGuest& operator=(const FakeGuest&) = delete;
  // After the player that has its socket.
  ~FakeGuest() {
    ours_ = UniqueFd();
    thread_.join();
  }

  [[nodiscard]] Player player(
      Player::Watch watch = [] { return Result<void>(); },
      std::chrono::milliseconds patience = std::chrono::seconds(60)) {
    return {std::move(ours_), Player::Clock::now() + patience, std::move(watch)};
  }

 private:
  UniqueFd ours_;
  std::thread thread_;
};

}  // namespace hesper::proof::test
