// Wake fds: one-shot wake-ups whose waiting end another process polls. Waits for nothing itself.
//
// A pipe on every system, on purpose: when the waking process dies its end closes, and the waiter's poll() returns
// with POLLHUP (to Venus: device lost). With an eventfd the waiter would sleep for ever.
#pragma once

#include "base/error.h"
#include "base/unique_fd.h"

namespace hesper::platform {

struct WakePair {
  UniqueFd waiter;  // POLLIN after wake(); POLLHUP without POLLIN when the waker was closed before
  UniqueFd waker;
};

[[nodiscard]] Result<WakePair> create_wake_pair();

// Makes the other end readable; again and again is harmless. Never blocks, any thread. The process must ignore
// SIGPIPE (see ignore_broken_pipes() in signals.h): the waiter may be gone.
void wake(int waker) noexcept;

// True when every copy of the waiting end is closed: nobody will ever notice a wake().
[[nodiscard]] bool abandoned(int waker) noexcept;

}  // namespace hesper::platform
