// Watchdog: finds out, from a worker's flight record, that one of its streams does not get on. Ends nobody.
//
// What counts is progress: another command, or another slice of a wait. Most commands have no business waiting and get
// the deadline. Those that compile shaders, start or end devices, or hand work to a GPU that may be busy get
// kPatience times as much. A wait for the client or for another stream may take any time: it ends with the client.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "flight/record.h"

namespace hesper::supervisor {

inline constexpr int kPatience = 12;

// One worker's. Not for several threads at once.
class Watchdog {
 public:
  using Clock = std::chrono::steady_clock;

  // deadline: more than 0.
  explicit Watchdog(Clock::duration deadline) noexcept : deadline_(deadline) {}

  // How often look() is to be called.
  [[nodiscard]] static Clock::duration period(Clock::duration deadline) noexcept;

  struct Overdue {
    std::size_t stream;
    flight::StreamView view;
    Clock::duration stalled;
    Clock::duration limit;
  };
  // Compares with the look before. The time between two looks counts for two periods at most: when we did not run for
  // longer than that, the worker probably did not either.
  [[nodiscard]] std::optional<Overdue> look(const flight::Record& record, Clock::time_point now);

 private:
  struct Seen {
    std::uint32_t count = 0;
    std::uint32_t pulse = 0;
    bool busy = false;
    Clock::duration stalled{};
  };

  Clock::duration deadline_;
  std::optional<Clock::time_point> last_;
  std::array<Seen, flight::kStreams> seen_{};
};

// How long a command may take. type: a VkCommandTypeEXT or a flight::Activity.
[[nodiscard]] Watchdog::Clock::duration limit_of(std::uint16_t type, Watchdog::Clock::duration deadline) noexcept;

// "ring 0"
[[nodiscard]] std::string stream_name(const flight::StreamView& view);
// "vkCreateImage", or what else keeps a stream busy, as a name.
[[nodiscard]] std::string_view activity_name(std::uint16_t type) noexcept;

// How a worker was confined, for log lines: "sandbox strict".
[[nodiscard]] std::string sandbox_text(const flight::Record& record);

// What a worker did before its end, a line for each stream that was busy, or for the one that was busy last.
[[nodiscard]] std::vector<std::string> last_commands(const flight::Record& record, Watchdog::Clock::time_point end);

}  // namespace hesper::supervisor
