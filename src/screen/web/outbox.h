// Outbox: what waits to be sent to one viewer: pictures in their order, and of everything else only the newest of its
// kind, which goes first. So it stays small, however slow the viewer is. Sends nothing itself.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <utility>

#include "screen/web/protocol.h"

namespace hesper::screen::web {

// Not for several threads at once.
class Outbox {
 public:
  // In the order in which they go.
  enum class Latest : std::uint8_t {
    welcome,
    pong,
    leds,
    cursor_shape,
    cursor,
    displays,
    clipboard_ways,
    clipboard,
    notice,
    statistics,
  };
  static constexpr std::size_t kLatest = 10;

  struct Item {
    std::uint32_t frame = 0;  // of VIDEO; 0: another one
    Message message;
  };

  // Replaces one that waits.
  void put(Latest kind, Message message) { latest_[static_cast<std::size_t>(kind)] = std::move(message); }
  // Their number is bounded by FlowControl.
  void put_ordered(Item item) { ordered_.push_back(std::move(item)); }
  // Pictures of a stream that has ended.
  void drop_ordered() { ordered_.clear(); }

  [[nodiscard]] std::optional<Item> take() {
    for (auto& message : latest_)
      if (message) return Item{.frame = 0, .message = *std::exchange(message, std::nullopt)};
    if (ordered_.empty()) return std::nullopt;
    Item item = std::move(ordered_.front());
    ordered_.pop_front();
    return item;
  }

 private:
  std::array<std::optional<Message>, kLatest> latest_;
  std::deque<Item> ordered_;
};

}  // namespace hesper::screen::web
