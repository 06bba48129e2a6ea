// Reserving, through fallocate().
#include "platform/file_space.h"

#include <fcntl.h>
#include <sys/resource.h>

#include <cerrno>

namespace hesper::platform {

int reserve_file_space(int file, std::uint64_t offset, std::uint64_t length) noexcept {
  rlimit most{};
  if (::getrlimit(RLIMIT_FSIZE, &most) == 0 && most.rlim_cur != RLIM_INFINITY && offset + length > most.rlim_cur)
    return EFBIG;
  while (::fallocate(file, FALLOC_FL_KEEP_SIZE, static_cast<off_t>(offset), static_cast<off_t>(length)) != 0) {
    if (errno == EINTR) continue;
    const bool is_full = errno == ENOSPC || errno == EDQUOT || errno == EFBIG;
    return is_full ? errno : 0;
  }
  return 0;
}

}  // namespace hesper::platform
