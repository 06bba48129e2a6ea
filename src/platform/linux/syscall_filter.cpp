// Installing system call filters on Linux, and the SIGSYS handler that reports what they refuse.
#include "platform/syscall_filter.h"

#include <linux/seccomp.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <string_view>

#include "platform/linux/syscall_program.h"

namespace hesper::platform {
namespace {

// What the handler knows.
std::atomic<const char*> log_prefix = "hesper";
std::span<const char* const> call_names;
std::array<std::atomic<bool>, 512> told;  // by number; those above are told each time

// A line of the log, async-signal-safe as spdlog is not. Written by the destructor.
class Line {
 public:
  Line& operator<<(std::string_view text) noexcept {
    for (const char c : text)
      if (used_ < text_.size()) text_[used_++] = c;
    return *this;
  }
  Line& operator<<(unsigned number) noexcept {
    std::array<char, 10> digits{};
    std::size_t at = digits.size();
    do {
      digits[--at] = static_cast<char>('0' + number % 10);
      number /= 10;
    } while (number != 0);
    return *this << std::string_view(digits.data() + at, digits.size() - at);
  }
  ~Line() { [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, text_.data(), used_); }

 private:
  std::array<char, 256> text_{};
  std::size_t used_ = 0;
};

void report(unsigned number, bool fatal) noexcept {
  if (number < told.size() && told[number].exchange(true)) return;
  const char* name = number < call_names.size() ? call_names[number] : nullptr;
  Line line;
  line << log_prefix.load() << (fatal ? ": error: " : ": warning: ") << "The sandbox refuses the system call "
       << (name != nullptr ? name : "without a known name") << " (" << number << ")"
       << (fatal ? ", which nobody here has a use for: this process ends.\n" : ".\n");
}

// Makes the call that was trapped once more, as it was: rules may look at its arguments.
void repeat_call(int number, const ucontext_t& context) noexcept {
#if defined(__x86_64__)
  const auto& registers = context.uc_mcontext.gregs;
  ::syscall(number, registers[REG_RDI], registers[REG_RSI], registers[REG_RDX], registers[REG_R10], registers[REG_R8],
            registers[REG_R9]);
#elif defined(__aarch64__)
  const auto& registers = context.uc_mcontext.regs;
  ::syscall(number, registers[0], registers[1], registers[2], registers[3], registers[4], registers[5]);
#endif
}

void set_result(ucontext_t& context, int error) noexcept {
#if defined(__x86_64__)
  context.uc_mcontext.gregs[REG_RAX] = -error;
#elif defined(__aarch64__)
  context.uc_mcontext.regs[0] = static_cast<unsigned long long>(-static_cast<long long>(error));
#endif
}

// Runs in place of a call that the filter traps: the call itself was not made.
void on_trapped_call(int /*signal*/, siginfo_t* info, void* context) noexcept {
  const bool fatal = (info->si_errno & kTrapFatal) != 0;
  report(static_cast<unsigned>(info->si_syscall), fatal);
  // SIGSYS is blocked in its own handler, and a trap that cannot be delivered ends the process by SIGSYS. There is no
  // other way: the filter keeps everybody, us too, from resetting the signal.
  auto& state = *static_cast<ucontext_t*>(context);
  if (fatal) repeat_call(info->si_syscall, state);
  set_result(state, info->si_errno & kTrapError);
}

}  // namespace

void name_syscall_reports(const std::string& prefix) {
  if (const char* copy = ::strdup(prefix.c_str())) log_prefix = copy;
}

void name_syscalls(std::span<const char* const> names) { call_names = names; }

Result<void> install_syscall_filter(const SyscallFilter& filter) {
  static const bool handler_is_set = [] {
    struct sigaction action{};
    action.sa_sigaction = on_trapped_call;
    action.sa_flags = SA_SIGINFO;
    ::sigemptyset(&action.sa_mask);
    return ::sigaction(SIGSYS, &action, nullptr) == 0;
  }();
  if (!handler_is_set) return fail_errno("A handler for SIGSYS cannot be installed", errno);

  std::vector<sock_filter> code = compile(filter, static_cast<std::uint32_t>(::getpid()));
  sock_fprog program{.len = static_cast<unsigned short>(code.size()), .filter = code.data()};
  // Older kernels would also switch speculation off, which is for processes that hold secrets of several parties; all
  // in this one is one client's.
  if (::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_SPEC_ALLOW, &program) != 0 &&
      (errno != EINVAL || ::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) != 0))
    return fail_errno("The kernel refuses a system call filter (is CONFIG_SECCOMP_FILTER on?)", errno);
  return {};
}

}  // namespace hesper::platform
