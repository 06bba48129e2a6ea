// How hesper-gpu is called: its fds, what it is sent and asks for, and its exit statuses. hesper and hesper-gpu both
// include this.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace hesper::cli {

inline constexpr int kGpuOrders = 3;    // a socket; hesper sends GpuOrders, hesper-gpu sends GpuWorkerRequests
inline constexpr int kGpuLifeline = 4;  // see platform::die_with_parent()

// What the fd is that comes along. Both ends are of one build.
enum class GpuOrder : std::uint32_t {
  front_end = 1,  // a connection of QEMU's; one in the process's life
  control = 2,    // a control connection, see device/control.h
};

// A context of the guest wants a worker. Two fds come along: its end of the link (src/link), and what hesper closes
// when the worker is dead (supervisor::GuestContext).
struct GpuWorkerRequest {
  std::uint32_t context = 0;  // for log lines
  std::uint32_t padding = 0;
  std::array<char, 64> name{};  // likewise: the guest's, printable, filled up with zeros
};
static_assert(sizeof(GpuWorkerRequest) == 72);
inline constexpr std::size_t kGpuWorkerRequestFds = 2;

enum class GpuExit : int {
  front_end_left = 0,
  cannot_start = 1,
  front_end_at_fault = 2,  // it sent what cannot be understood
};

}  // namespace hesper::cli
