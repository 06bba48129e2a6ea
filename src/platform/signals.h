// SignalPipe: signals as bytes of a pipe, so that an event loop can poll for them. Decides nothing about them.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/error.h"
#include "platform/pipe.h"

namespace hesper::platform {

struct ReceivedSignal {
  std::uint8_t number;
  bool from_process;  // sent with kill(); false: by the terminal or the kernel, which tell the whole process group
};

// At most one per process at a time. Children of spawn() start without its handlers, as exec resets them.
class SignalPipe {
 public:
  // Signals that are ignored when this is called (SIGHUP under nohup) stay ignored.
  [[nodiscard]] static Result<SignalPipe> install(std::span<const int> signals);

  SignalPipe(SignalPipe&&) noexcept = default;
  SignalPipe& operator=(SignalPipe&&) = delete;
  // Restores the default action of every signal taken.
  ~SignalPipe();

  // Readable when take() has something. Borrowed.
  [[nodiscard]] int fd() const noexcept { return pipe_.read_end.get(); }
  // All signals since the last call, in order. Never blocks.
  [[nodiscard]] std::vector<ReceivedSignal> take();

 private:
  explicit SignalPipe(Pipe pipe) noexcept : pipe_(std::move(pipe)) {}

  Pipe pipe_;
  std::vector<int> taken_;
};

// From here on a write to a closed pipe or socket fails with EPIPE instead of ending the process, and a file that would
// grow beyond the process's limit (shared memory too) fails with EFBIG. Returns whether SIGPIPE was already ignored,
// which a child should then inherit.
bool ignore_broken_pipes() noexcept;

}  // namespace hesper::platform
