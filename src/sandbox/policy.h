// Policy: what a worker with certain drivers may do at a level. Decides only; sandbox.h carries it out.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "platform/file_view.h"
#include "platform/limits.h"
#include "platform/syscall_filter.h"
#include "sandbox/drivers.h"
#include "sandbox/level.h"

namespace hesper::sandbox {

// What the user may set. Unset: our choice, by driver family and size of the host.
struct Choices {
  std::optional<std::uint64_t> address_space;  // bytes; 0: no limit
  std::optional<std::uint64_t> open_files;
  int nice = 0;  // 0 to 19
  // Where drivers keep compiled shaders, an existing folder; empty: nowhere. Clients that share it must trust each
  // other: one can choose the code that another's driver runs.
  std::filesystem::path shader_cache;
  // Calls that are in no list are reported for every family, also for those that fail silently. A process may end by
  // it, see platform::install_syscall_filter().
  bool report_all = false;
};

struct Policy {
  platform::Limits limits;
  platform::SyscallFilter forbidden;  // basic and strict
  // strict:
  platform::FileView files;
  platform::SyscallFilter allowed;
  std::vector<std::pair<std::string, std::string>> environment;  // set before the driver starts
};

[[nodiscard]] Policy policy_for(const HostDrivers& drivers, const Choices& choices, const Getenv& environment);

// The threads of a worker that has a user namespace for itself.
inline constexpr std::uint64_t kThreads = 4096;

}  // namespace hesper::sandbox
