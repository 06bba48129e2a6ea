// ProofMachine: the virtual machine in which the player runs, with the processes, sockets and command lines of hesper
// run. Knows nothing of what the player does.
#pragma once

#include <chrono>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "base/error.h"
#include "base/unique_fd.h"
#include "platform/process.h"
#include "platform/socket.h"
#include "vm/attendance.h"
#include "vm/plan.h"

namespace hesper::proof {

// The program that QEMU is to load as a kernel; empty: this build has none for this architecture.
[[nodiscard]] std::span<const std::byte> guest_program(vm::Architecture architecture) noexcept;

// One thread. All that it starts ends with it, and when this process is killed.
class ProofMachine {
 public:
  using Clock = std::chrono::steady_clock;

  // plan: with its folder. Both outlive this.
  ProofMachine(const vm::Plan& plan, const vm::Attendants& attendants) noexcept
      : plan_(plan), attendants_(attendants) {}
  ProofMachine(const ProofMachine&) = delete;
  ProofMachine& operator=(const ProofMachine&) = delete;
  ~ProofMachine();

  // Until it listens. Errors: it ends or does not get ready; with the last thing that it said.
  [[nodiscard]] Result<void> start_gpu(Clock::time_point deadline);
  // Until QEMU has opened the guest's serial line, which is returned. Errors: likewise, in words for people, and QEMU
  // is too old.
  [[nodiscard]] Result<UniqueFd> start_qemu(Clock::time_point deadline);
  // Error: one of them has ended, which they must not.
  [[nodiscard]] Result<void> check();
  // The first error that hesper gpu and its workers have written; empty: none.
  [[nodiscard]] std::string complaint() const;

 private:
  struct Child {
    pid_t process = -1;  // -1: none, or it has ended
    std::filesystem::path log;
  };

  Result<void> start(Child& child, const std::vector<std::string>& command, std::string_view log);
  // The first error that it wrote, or else its last line.
  static std::string last_words(const Child& child);
  static std::optional<platform::ChildState> reap(Child& child);
  Result<void> check_gpu();
  Result<void> check_qemu();
  // Until the listener has a connection; takes care of both children meanwhile.
  Result<UniqueFd> accept(const platform::Listener& listener, Clock::time_point deadline);
  Result<void> check_version(Clock::time_point deadline);

  const vm::Plan& plan_;
  const vm::Attendants& attendants_;
  Child gpu_;
  Child qemu_;
  UniqueFd qmp_;  // open as long as QEMU is to run
};

}  // namespace hesper::proof
