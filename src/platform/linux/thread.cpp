// Threads on Linux.
#include "platform/thread.h"

#include <pthread.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstring>

namespace hesper::platform {

void name_thread(const char* name) noexcept {
  char cut[16] = {};
  std::strncpy(cut, name, sizeof(cut) - 1);
  ::pthread_setname_np(::pthread_self(), cut);
}

void nice_thread(int nice) noexcept {
  // On Linux a nice value belongs to a thread, and PRIO_PROCESS takes its id.
  ::setpriority(PRIO_PROCESS, static_cast<id_t>(::syscall(SYS_gettid)), nice);
}

void make_sleeps_precise() noexcept { ::prctl(PR_SET_TIMERSLACK, 1000UL, 0UL, 0UL, 0UL); }

}  // namespace hesper::platform
