// Pipes on Linux: pipe2, so that no thread that forks can ever inherit an end.
#include "platform/pipe.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

namespace hesper::platform {

Result<Pipe> create_pipe() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0) return fail_errno("Creating a pipe fails", errno);
  return Pipe{.read_end = UniqueFd(ends[0]), .write_end = UniqueFd(ends[1])};
}

}  // namespace hesper::platform
