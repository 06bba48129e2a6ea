// Refusals: counts who was turned away and why, and writes a line about it now and then, so that nobody can fill the
// log from outside. Refuses nothing itself.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string_view>

namespace hesper::screen::web {

enum class Refusal : std::uint8_t {
  too_many_connections,
  too_slow,
  bad_request,
  foreign_host,
  foreign_origin,
  no_token,
  wrong_token,
  too_many_viewers,
  bad_message,
};
inline constexpr std::size_t kRefusals = 9;
// For metrics: "wrong_token".
[[nodiscard]] std::string_view name_of(Refusal refusal) noexcept;

// The first of a kind is told at once, later ones are counted and told together, once in ten minutes. Not for several
// threads at once.
class Refusals {
 public:
  using Clock = std::chrono::steady_clock;
  using Write = std::function<void(std::string_view line)>;

  // now, write: for tests; the clock, and the log's warnings.
  explicit Refusals(std::function<Clock::time_point()> now = {}, Write write = {});

  // peer: its address, for the line.
  void count(Refusal refusal, std::string_view peer);
  [[nodiscard]] std::uint64_t total(Refusal refusal) const noexcept {
    return kinds_[static_cast<std::size_t>(refusal)].total;
  }

 private:
  struct Kind {
    std::uint64_t total = 0;
    std::uint64_t untold = 0;
    Clock::time_point told;
  };
  std::function<Clock::time_point()> now_;
  Write write_;
  std::array<Kind, kRefusals> kinds_;
};

}  // namespace hesper::screen::web
