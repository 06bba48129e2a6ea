// How hesper-gpu is called: its fds, what it is sent, and its exit statuses. hesper and hesper-gpu both include this.
#pragma once

#include <cstdint>

namespace hesper::cli {

inline constexpr int kGpuOrders = 3;    // a socket; hesper sends GpuOrders
inline constexpr int kGpuLifeline = 4;  // see platform::die_with_parent()

// What the fd is that comes along. Both ends are of one build.
enum class GpuOrder : std::uint32_t {
  front_end = 1,  // a connection of QEMU's; one in the process's life
  control = 2,    // a control connection, see device/control.h
};

enum class GpuExit : int {
  front_end_left = 0,
  cannot_start = 1,
  front_end_at_fault = 2,  // it sent what cannot be understood
};

}  // namespace hesper::cli
