// How hesper-gpu is called: its fds, what it is sent and asks for, and its exit statuses. hesper and hesper-gpu both
// include this.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "input/kinds.h"

namespace hesper::cli {

inline constexpr int kGpuOrders = 3;    // a socket; hesper sends GpuOrders, hesper-gpu sends GpuRequests
inline constexpr int kGpuLifeline = 4;  // see platform::die_with_parent()

// What the fd is that comes along. Both ends are of one build.
enum class GpuOrder : std::uint32_t {
  front_end = 1,  // a connection of QEMU's; one in the process's life
  control = 2,    // a control connection, see device/control.h
  // Connections of QEMU's for input devices; one of each at a time.
  keyboard = 3,
  tablet = 4,
  mouse = 5,
  touch = 6,
};
[[nodiscard]] constexpr GpuOrder order_of(input::Kind kind) noexcept {
  return static_cast<GpuOrder>(static_cast<std::uint32_t>(GpuOrder::keyboard) + static_cast<std::uint32_t>(kind));
}

enum class GpuWish : std::uint32_t {
  // A context of the guest wants a worker. Two fds come along: its end of the link (src/link), and what hesper closes
  // when the worker is dead (supervisor::GuestContext).
  worker = 0,
  // The front-end of an input device has left; another one may come. No fd.
  input_front_end = 1,
};
struct GpuRequest {
  GpuWish wish{};
  std::uint32_t number = 0;     // worker: its context, for log lines; input_front_end: an input::Kind
  std::array<char, 64> name{};  // of a worker, for log lines: the guest's, printable, filled up with zeros
};
static_assert(sizeof(GpuRequest) == 72);
inline constexpr std::size_t kGpuWorkerFds = 2;

enum class GpuExit : int {
  front_end_left = 0,
  cannot_start = 1,
  front_end_at_fault = 2,  // it sent what cannot be understood
};

}  // namespace hesper::cli
