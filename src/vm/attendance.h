// Attendance: programs of others that die when we do, however we die, and a keeper that tidies up after us then.
//
// Both are this program itself, called in a way that users do not see: `hesper attend -- PROGRAM...` becomes the
// program after it has asked the system for a signal at its parent's death, and `hesper keep FOLDER` waits for that.
#pragma once

#include <sys/types.h>
#include <termios.h>

#include <filesystem>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/unique_fd.h"
#include "platform/pipe.h"
#include "platform/process.h"

namespace hesper::vm {

class Attendants {
 public:
  // hesper: this program.
  [[nodiscard]] static Result<Attendants> create(std::filesystem::path hesper);

  // Starts a program in a session of its own, without standard input unless that is among fds. It is our child. One
  // that cannot be started exits with status 126 or 127.
  [[nodiscard]] Result<pid_t> start(const std::vector<std::string>& command,
                                    std::vector<platform::InheritedFd> fds) const;

  [[nodiscard]] const std::filesystem::path& hesper() const noexcept { return hesper_; }

 private:
  Attendants(std::filesystem::path hesper, platform::Pipe lifeline, UniqueFd nothing) noexcept
      : hesper_(std::move(hesper)), lifeline_(std::move(lifeline)), nothing_(std::move(nothing)) {}

  std::filesystem::path hesper_;
  platform::Pipe lifeline_;
  UniqueFd nothing_;  // /dev/null
};

// What `hesper attend` does; see platform::exec_with_parent().
[[nodiscard]] int attend(const std::vector<std::string>& command);

// The process that removes a runtime folder and gives the terminal its mode back once this process is gone.
class Keeper {
 public:
  [[nodiscard]] static Result<Keeper> start(const std::filesystem::path& hesper, const std::filesystem::path& folder);
  Keeper(Keeper&& from) noexcept;
  Keeper& operator=(Keeper&&) = delete;
  // It ends, for there is nothing left to do.
  ~Keeper();

  // What the terminal on standard input is to be set to.
  void remember(const termios& mode) noexcept;
  [[nodiscard]] pid_t process() const noexcept { return process_; }

 private:
  Keeper(pid_t process, UniqueFd lifeline) noexcept : process_(process), lifeline_(std::move(lifeline)) {}

  pid_t process_;  // -1: moved from
  UniqueFd lifeline_;
};

// What `hesper keep` does.
[[nodiscard]] int keep(const std::filesystem::path& folder);

}  // namespace hesper::vm
