// SignalPipe: the handler writes two bytes a signal, which is atomic, so no signal is ever read by halves.
#include "platform/signals.h"

#include <fmt/format.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <csignal>

namespace hesper::platform {
namespace {

std::atomic<int> pipe_for_handler = -1;
static_assert(std::atomic<int>::is_always_lock_free);  // the handler may use nothing else

void write_signal(int number, siginfo_t* info, void*) {
  const int saved = errno;
  const ReceivedSignal received{.number = static_cast<std::uint8_t>(number),
                                .from_process = info->si_code == SI_USER || info->si_code == SI_QUEUE};
  // A full pipe holds thousands of unread signals; one more would not tell the loop anything new.
  [[maybe_unused]] const ssize_t written = ::write(pipe_for_handler.load(), &received, sizeof(received));
  errno = saved;
}

}  // namespace

Result<SignalPipe> SignalPipe::install(std::span<const int> signals) {
  auto pipe = create_pipe();
  if (!pipe) return std::unexpected(std::move(pipe.error()));
  SignalPipe self(std::move(*pipe));
  pipe_for_handler = self.pipe_.write_end.get();

  struct sigaction action{};
  action.sa_sigaction = write_signal;
  action.sa_flags = SA_SIGINFO | SA_RESTART;
  ::sigemptyset(&action.sa_mask);
  for (const int number : signals) {
    struct sigaction before{};
    if (::sigaction(number, nullptr, &before) == 0 && before.sa_handler == SIG_IGN) continue;
    if (::sigaction(number, &action, nullptr) != 0)
      return fail_errno(fmt::format("Catching signal {} fails", number), errno);
    self.taken_.push_back(number);
  }
  return self;
}

SignalPipe::~SignalPipe() {
  for (const int number : taken_) ::signal(number, SIG_DFL);
  if (pipe_.write_end) pipe_for_handler = -1;
}

std::vector<ReceivedSignal> SignalPipe::take() {
  std::vector<ReceivedSignal> result;
  ReceivedSignal next{};
  while (::read(pipe_.read_end.get(), &next, sizeof(next)) == sizeof(next)) result.push_back(next);
  return result;
}

bool ignore_broken_pipes() noexcept {
  ::signal(SIGXFSZ, SIG_IGN);
  return ::signal(SIGPIPE, SIG_IGN) == SIG_IGN;
}

}  // namespace hesper::platform
