// Lines: what the player in the guest (guest/player.cpp) and its host say to each other over the guest's serial line.
// Pure: text to values and back. What comes is read strictly, as a guest that has gone wrong may say anything.
//
// The player begins with kHello and a line that parse_start() reads. Then each line of the host's is answered by one:
//
//   submit BYTES                               answer TICKS BYTES    a request for the control queue, and its answer
//   repeat ROUNDS                              took TICKS... type T  the same again; the last answer's type
//   paint OFFSET STRIDE WIDTH HEIGHT PIXEL     done                  a rectangle, by the guest's processor
//   read OFFSET SIZE                           bytes BYTES           of the window
//   hash OFFSET SIZE                           hash VALUE            of the window's words
//   clock                                      clock TICKS
//
// or by "refused". Numbers are hexadecimal without 0x. Bytes are two digits each, and z with two digits is so many
// bytes of zero, as most of what is said here is zeros, and serial lines are slow.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace hesper::proof {

inline constexpr std::string_view kHello = "hesper guest 1";
inline constexpr std::size_t kLongestLine = std::size_t{64} << 10;  // bytes, of the player's
inline constexpr std::size_t kMostRequest = std::size_t{32} << 10;  // bytes
inline constexpr std::size_t kMostRead = 4096;                      // bytes
inline constexpr std::size_t kMostRounds = 1000;

struct Start {
  std::uint64_t features = 0;     // that the device offers
  std::uint64_t window_size = 0;  // bytes; 0: it has none
  std::uint64_t canvas = 0;       // where in the guest's memory one can paint
  std::uint64_t canvas_size = 0;  // bytes
};
struct Answer {
  std::uint64_t ticks = 0;  // from the request to its answer
  std::vector<std::byte> bytes;
};
struct Rounds {
  std::vector<std::uint64_t> ticks;  // of each
  std::uint32_t type = 0;
};

[[nodiscard]] std::string submit_line(std::span<const std::byte> request);

// Errors: EPROTO, whatever else the line is; of parse_start() also ENODEV, with what is wrong with the device.
[[nodiscard]] Result<Start> parse_start(std::string_view line);
[[nodiscard]] Result<Answer> parse_answer(std::string_view line);
[[nodiscard]] Result<Rounds> parse_rounds(std::string_view line, std::size_t rounds);
[[nodiscard]] Result<std::vector<std::byte>> parse_bytes(std::string_view line, std::size_t size);
// word: "hash" or "clock".
[[nodiscard]] Result<std::uint64_t> parse_value(std::string_view line, std::string_view word);
[[nodiscard]] Result<void> parse_done(std::string_view line);

// What "hash" answers for these bytes, a multiple of four: FNV-1a over words of 32 bits.
[[nodiscard]] std::uint64_t hash_of(std::span<const std::byte> bytes) noexcept;

}  // namespace hesper::proof
