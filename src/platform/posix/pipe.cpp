// Pipes on systems without pipe2 (macOS).
#include "platform/pipe.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

namespace hesper::platform {

Result<Pipe> create_pipe() {
  int ends[2];
  if (::pipe(ends) != 0) return fail_errno("Creating a pipe fails", errno);
  Pipe pipe{.read_end = UniqueFd(ends[0]), .write_end = UniqueFd(ends[1])};
  for (const int end : ends) {
    ::fcntl(end, F_SETFD, FD_CLOEXEC);
    ::fcntl(end, F_SETFL, ::fcntl(end, F_GETFL) | O_NONBLOCK);
  }
  return pipe;
}

}  // namespace hesper::platform
