// Wake fds on top of pipes.
#include "platform/wake_fd.h"

#include <poll.h>
#include <unistd.h>

#include "platform/pipe.h"

namespace hesper::platform {

Result<WakePair> create_wake_pair() {
  auto pipe = create_pipe();
  if (!pipe) return std::unexpected(std::move(pipe.error()));
  return WakePair{.waiter = std::move(pipe->read_end), .waker = std::move(pipe->write_end)};
}

void wake(int waker) noexcept {
  // Either the byte goes in, or the pipe is full and thus readable, or nobody waits any more: all is well.
  [[maybe_unused]] const ssize_t written = ::write(waker, "", 1);
}

bool abandoned(int waker) noexcept {
  pollfd state{.fd = waker, .events = 0, .revents = 0};
  // A writer whose last reader closed sees POLLERR on Linux and POLLHUP on the BSDs.
  return ::poll(&state, 1, 0) == 1 && (state.revents & (POLLERR | POLLHUP)) != 0;
}

}  // namespace hesper::platform
