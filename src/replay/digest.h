// Digest: what a context executed and answered, as two numbers. Recorder and replayer count with the same code, so
// that equal numbers mean equal commands and equal replies.
//
// Each command is hashed with its stream and its place there, and the hashes are added up: the order of streams among
// one another, which differs from run to run, does not matter.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>

#include "capture/format.h"
#include "render/observer.h"

namespace hesper::replay {

// False for commands whose replies may differ from one run to the next on the same driver: what is finished by now,
// times, addresses, free memory. Only their number and sizes count.
[[nodiscard]] bool reply_is_stable(wire::CommandType type) noexcept;
// True for commands whose replies are addresses, or handles of the driver's, that programs write into memory
// themselves.
[[nodiscard]] bool replies_address(wire::CommandType type) noexcept;
// The hash that a capture keeps of a reply.
[[nodiscard]] std::uint64_t reply_hash(wire::CommandType type, std::span<const std::byte> reply) noexcept;

// Streams at once; each stream from one thread. Streams from kMaxStreams on are not counted.
class Digest {
 public:
  void add_command(render::StreamNumber stream, std::span<const std::byte> bytes) noexcept;
  void add_reply(render::StreamNumber stream, std::uint64_t hash) noexcept;
  // Without `nanoseconds`.
  [[nodiscard]] capture::Totals totals() const noexcept;

 private:
  struct Count {
    std::atomic<std::uint64_t> commands{0};
    std::atomic<std::uint64_t> replies{0};
  };
  std::array<Count, capture::kMaxStreams> streams_;
  std::atomic<std::uint64_t> commands_{0};
  std::atomic<std::uint64_t> replies_{0};
};

}  // namespace hesper::replay
