// Threads where only POSIX is there: no nice value of a thread's own, no timer slack.
#include "platform/thread.h"

#include <pthread.h>

namespace hesper::platform {

void name_thread([[maybe_unused]] const char* name) noexcept {
#ifdef __APPLE__
  ::pthread_setname_np(name);
#endif
}

void nice_thread([[maybe_unused]] int nice) noexcept {}

void make_sleeps_precise() noexcept {}

}  // namespace hesper::platform
