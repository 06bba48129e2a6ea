// State: what an hesper-view must know again if it is started anew: its token and its ports. In a file that only this
// user can read, never on a command line, which everybody can.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"

namespace hesper::screen {

// Any thread.
class State {
 public:
  // Reads the file if there is one, and makes it (mode 0600) if not. Without a file (empty), everything is new, and
  // forgotten in the end. Errors: it cannot be read or written, or is no such file.
  [[nodiscard]] static Result<State> open(std::filesystem::path file);
  State(State&& from) noexcept;

  // 64 hexadecimal digits, from the system's random numbers: who has it may see the screens and use them.
  [[nodiscard]] const std::string& token() const noexcept { return token_; }

  // Where an output of this name listened before, so that its viewers find it again.
  [[nodiscard]] std::optional<std::uint16_t> port(std::string_view output) const;
  // Where it listens. Errors are logged: the next time it will be another one.
  void remember_port(std::string_view output, std::uint16_t port);

  // Somebody has used this file before, so that people know what there is to say.
  [[nodiscard]] bool is_known() const noexcept { return known_; }

 private:
  explicit State(std::filesystem::path file) : file_(std::move(file)) {}
  [[nodiscard]] Result<void> write() const;

  std::filesystem::path file_;
  bool known_ = false;
  std::string token_;
  mutable std::mutex mutex_;  // of ports_
  std::map<std::string, std::uint16_t, std::less<>> ports_;
};

}  // namespace hesper::screen
