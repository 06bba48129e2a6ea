// Limits: setrlimit, the same on every POSIX system.
#include "platform/limits.h"

#include <fmt/format.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>

namespace hesper::platform {
namespace {

// rlimits are numbered by an enum in glibc and by int elsewhere.
using Resource = decltype(RLIMIT_CORE);

Result<void> lower(Resource resource, const char* what, std::uint64_t value) {
  rlimit limit{};
  if (::getrlimit(resource, &limit) != 0) return fail_errno(fmt::format("Reading the limit of {} fails", what), errno);
  limit.rlim_max = std::min(limit.rlim_max, static_cast<rlim_t>(value));
  limit.rlim_cur = limit.rlim_max;
  if (::setrlimit(resource, &limit) != 0) return fail_errno(fmt::format("Limiting {} to {} fails", what, value), errno);
  return {};
}

}  // namespace

Result<void> set_limits(const Limits& limits) {
  struct Row {
    Resource resource;
    const char* what;
    std::optional<std::uint64_t> value;
  };
  const Row rows[] = {
      {RLIMIT_CORE, "core files", 0},
      {RLIMIT_AS, "the address space", limits.address_space},
      {RLIMIT_NOFILE, "open files", limits.open_files},
      {RLIMIT_FSIZE, "the size of files", limits.file_size},
      {RLIMIT_NPROC, "threads", limits.threads},
#ifdef RLIMIT_RTPRIO  // Linux
      {RLIMIT_RTPRIO, "real-time priority", 0},
#endif
#ifdef RLIMIT_MSGQUEUE  // Linux
      {RLIMIT_MSGQUEUE, "message queues", 0},
#endif
  };
  std::signal(SIGXFSZ, SIG_IGN);  // so that a file beyond its limit is EFBIG
  for (const Row& row : rows) {
    if (!row.value) continue;
    if (auto set = lower(row.resource, row.what, *row.value); !set) return set;
  }
  return {};
}

std::uint64_t physical_memory() noexcept {
  const long pages = ::sysconf(_SC_PHYS_PAGES);
  const long size = ::sysconf(_SC_PAGESIZE);
  return pages > 0 && size > 0 ? static_cast<std::uint64_t>(pages) * static_cast<std::uint64_t>(size) : 0;
}

}  // namespace hesper::platform
