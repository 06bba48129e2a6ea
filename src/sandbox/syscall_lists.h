// The lists of registry/seccomp, as the build turned them into tables. Empty on systems without such filters.
#pragma once

#include <span>
#include <string_view>

#include "platform/syscall_filter.h"

namespace hesper::sandbox {

struct SyscallList {
  std::span<const platform::SyscallRule> rules{};
  bool silent = false;  // its driver's threads may not be able to take signals: SyscallFilter::silent
};

// name: of the file without ".txt". An unknown one gives an empty list.
[[nodiscard]] SyscallList syscall_list(std::string_view name);

// Names by number; nullptr where there is none.
[[nodiscard]] std::span<const char* const> syscall_names();

}  // namespace hesper::sandbox
