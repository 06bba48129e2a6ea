// Affinity where there is none: POSIX has no word for it, and macOS takes only hints.
#include "platform/affinity.h"

#include <cerrno>

namespace hesper::platform {
namespace {

std::unexpected<Error> not_here() {
  return fail("This system does not let programs choose the processors of a thread.", ENOTSUP);
}

}  // namespace

std::vector<Thread> threads_of(pid_t) { return {}; }
std::vector<pid_t> descendants_of(pid_t) { return {}; }
Result<std::vector<unsigned>> processors_of(pid_t) { return not_here(); }
Result<void> set_processors(pid_t, std::span<const unsigned>) { return not_here(); }

}  // namespace hesper::platform
