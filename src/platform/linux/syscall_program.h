// compile(): a SyscallFilter as a program for the kernel's BPF machine. Installs nothing.
#pragma once

#include <linux/filter.h>

#include <cstdint>
#include <vector>

#include "platform/syscall_filter.h"

namespace hesper::platform {

// What a trapped call tells the SIGSYS handler, in siginfo_t::si_errno.
inline constexpr std::uint16_t kTrapError = 0x0fff;  // errno to return
inline constexpr std::uint16_t kTrapFatal = 0x8000;

// own_process: for tests with that value. Calls of another architecture (32-bit, x32) kill the process.
[[nodiscard]] std::vector<sock_filter> compile(const SyscallFilter& filter, std::uint32_t own_process);

}  // namespace hesper::platform
