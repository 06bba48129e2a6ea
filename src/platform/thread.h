// Threads: names, priorities and sleeps, as far as the system allows; every function is best effort.
#pragma once

namespace hesper::platform {

// Names the calling thread for debuggers; systems cut it (Linux: 15 characters).
void name_thread(const char* name) noexcept;

// Sets the calling thread's nice value (-20 to 19). Lower than the present one needs privileges.
void nice_thread(int nice) noexcept;

// Lets short sleeps of the calling thread end close to their time (Linux adds 50 microseconds otherwise).
void make_sleeps_precise() noexcept;

// Tells the processor that this is a spin loop.
inline void cpu_relax() noexcept {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield" ::: "memory");
#endif
}

}  // namespace hesper::platform
