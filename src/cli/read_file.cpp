// read_file: read() until the end.
#include "cli/read_file.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <span>

namespace hesper::cli {

Result<std::vector<std::byte>> read_file(int fd, std::size_t limit) {
  constexpr std::size_t kStep = std::size_t{1} << 20;
  std::vector<std::byte> bytes;
  std::size_t size = 0;
  for (;;) {
    if (bytes.size() - size < kStep) bytes.resize(bytes.size() * 2 + kStep);
    const ssize_t got = ::read(fd, bytes.data() + size, bytes.size() - size);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return fail_errno("The file cannot be read", errno);
    if (got == 0) break;
    size += static_cast<std::size_t>(got);
    if (size > limit) return fail(fmt::format("The file is larger than {} bytes, the limit.", limit));
  }
  bytes.resize(size);
  return bytes;
}

}  // namespace hesper::cli
