// SyscallFilter: the system calls that this process may still make. The lists themselves are src/sandbox's.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/error.h"

namespace hesper::platform {

// (argument & mask) == value, in 64 bits, as the kernel passes arguments: an int among them may carry anything above.
struct ArgumentTest {
  std::uint32_t argument = 0;  // 0 to 5
  std::uint64_t mask = ~std::uint64_t{0};
  std::uint64_t value = 0;
  bool own_process = false;  // value is our process id
};

struct SyscallRule {
  enum class Action : std::uint8_t {
    allow,
    refuse,  // with `error`: expected and harmless
    report,  // refuse, and a line in the log the first time
    kill,    // a line in the log, and the end of the process by SIGSYS
  };
  std::uint32_t number = 0;
  Action action = Action::allow;
  std::uint16_t error = 0;                // errno
  std::span<const ArgumentTest> tests{};  // all must hold; none: every call
};

// A call is allowed if any list allows it. Otherwise the first rule that fits it answers, and `unlisted` if none does.
struct SyscallFilter {
  enum class Unlisted : std::uint8_t {
    allow,   // for lists of what is forbidden
    report,  // fails with ENOSYS, and a line in the log the first time
  };
  std::vector<std::span<const SyscallRule>> lists;
  Unlisted unlisted = Unlisted::report;
  bool silent = false;  // what would be reported fails without a line, and without a signal
};

// How lines about refused calls begin. Each name that was ever given is kept, as other threads may be using it.
void name_syscall_reports(const std::string& log_prefix);

// The calls' names by number, for these lines; nullptr where there is none. Borrowed for good. Before the first filter.
void name_syscalls(std::span<const char* const> names);

// Installs the filter for this thread and all that it starts. Filters add up: of two, the stricter answer counts. Call
// it after forbid_new_privileges().
//
// Reports come from a SIGSYS handler. A thread that blocks SIGSYS and makes a call that would be reported ends the
// process, as the kernel leaves no other choice; `silent` is for drivers with such threads.
[[nodiscard]] Result<void> install_syscall_filter(const SyscallFilter& filter);

}  // namespace hesper::platform
