// Errands: what a process that confines itself still has done for it by a process of its own that stays outside:
// opening a socket whose path it cannot reach any more. Confines nobody, and knows no errand.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/unique_fd.h"

namespace hesper::platform {

// What an errand brings back; both may be empty. text: up to kMostErrandText bytes, the rest is cut off.
struct Brought {
  UniqueFd fd = UniqueFd();
  std::string text = {};
};
inline constexpr std::size_t kMostErrandText = 1024;

// Who asks says a number and nothing else, which the errand has to check: he may have been taken over since.
using Errand = std::function<Result<Brought>(std::uint32_t number)>;

class Errands {
 public:
  Errands();
  Errands(const Errands&) = delete;
  Errands& operator=(const Errands&) = delete;
  // The process ends and has destroyed what its errands hold when this returns. If this process dies instead, the other
  // one ends at once, without.
  ~Errands();

  // Before begin(). What is returned does the errand: before begin(), and without it, on the caller's thread; then in
  // the other process, on a thread that does this errand only, one after the other. Any thread may call it, and waits;
  // not longer than this lives. `errand` is destroyed with this, or with the other process.
  // Errors: those of the errand; ECHILD when the other process is gone.
  [[nodiscard]] Errand add(Errand errand);

  // Starts the process: a copy of this one that keeps standard input, output and error, and no other descriptor. No
  // other thread may run. Errors: the system has no process or socket left.
  [[nodiscard]] Result<void> begin();

 private:
  struct Kind;
  [[noreturn]] void serve();

  std::vector<std::unique_ptr<Kind>> kinds_;
  pid_t process_ = -1;
};

}  // namespace hesper::platform
