// Reserving, of which POSIX has only a kind that changes the file's size; so only the limit is looked at.
#include "platform/file_space.h"

#include <sys/resource.h>

#include <cerrno>

namespace hesper::platform {

int reserve_file_space(int, std::uint64_t offset, std::uint64_t length) noexcept {
  rlimit most{};
  const bool beyond =
      ::getrlimit(RLIMIT_FSIZE, &most) == 0 && most.rlim_cur != RLIM_INFINITY && offset + length > most.rlim_cur;
  return beyond ? EFBIG : 0;
}

}  // namespace hesper::platform
