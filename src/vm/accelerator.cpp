// The self-test around self_test_*.S, and its verdicts on disk.
#include "vm/accelerator.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <fstream>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "base/hash.h"
#include "platform/pipe.h"
#include "platform/process.h"
#include "platform/system.h"
#include "vm/attendance.h"

#if defined(__x86_64__)
extern "C" const char hesper_self_test_begin[];  // self_test_x86_64.S
extern "C" const char hesper_self_test_end[];
#endif

namespace hesper::vm {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::seconds kPatience{5};
constexpr int kPassed = 0x2a << 1 | 1;  // how isa-debug-exit passes on the number

std::string_view title_of(Accelerator accelerator) {
  switch (accelerator) {
    case Accelerator::kvm: return "KVM";
    case Accelerator::hvf: return "HVF";
    default: return "TCG";
  }
}

// The file that QEMU takes as firmware; empty where there is none for this architecture.
std::string firmware() {
#if defined(__x86_64__)
  constexpr std::size_t kSize = 0x10000;
  constexpr std::size_t kResetVector = 0xfff0;
  std::string rom(hesper_self_test_begin, hesper_self_test_end);
  rom.resize(kSize);
  rom.replace(kResetVector, 3, "\xe9\x0d\x00", 3);  // jmp to the first byte, 16 bits, around the segment's end
  return rom;
#else
  return {};
#endif
}

std::string first_line(std::string_view text) { return std::string(text.substr(0, text.find('\n'))); }

// Reads what there is, for `patience` at most, until QEMU has ended or complained about KVM.
std::optional<platform::ChildState> watch(pid_t child, int errors, std::string& text) {
  const auto end = Clock::now() + kPatience;
  bool open = true;
  while (Clock::now() < end && !text.contains("internal error")) {
    const auto state = platform::check_child(child);
    if (state.kind == platform::ChildState::Kind::exited || state.kind == platform::ChildState::Kind::killed)
      return state;
    pollfd waiting{.fd = errors, .events = POLLIN, .revents = 0};
    if (::poll(&waiting, open ? 1 : 0, 10) <= 0) continue;
    std::array<char, 4096> bytes;
    const ssize_t size = ::read(errors, bytes.data(), bytes.size());
    if (size > 0) text.append(bytes.data(), static_cast<std::size_t>(size));
    open = size > 0 || (size < 0 && errno == EAGAIN);
  }
  return std::nullopt;
}

int status_of(const platform::ChildState& state) {
  return state.kind == platform::ChildState::Kind::killed ? 128 + state.value : state.value;
}

// One line of text: "works" or a sentence. Nothing: there is no verdict.
std::optional<Verdict> read_verdict(const std::filesystem::path& file) {
  std::string line;
  if (!std::getline(std::ifstream(file), line) || line.empty()) return std::nullopt;
  if (line == "works") return Verdict{.works = true, .reason = {}, .is_final = true};
  return Verdict{.works = false, .reason = line, .is_final = true};
}

void write_verdict(const std::filesystem::path& file, const Verdict& verdict) {
  std::error_code error;  // it is tested again the next time
  std::filesystem::create_directories(file.parent_path(), error);
  std::filesystem::path partial = file;
  partial += fmt::format(".{}", ::getpid());
  std::ofstream(partial) << (verdict.works ? std::string("works") : verdict.reason) << '\n';
  std::filesystem::rename(partial, file, error);
}

// Where the verdict is kept that holds for this boot of the host and this very QEMU.
std::filesystem::path verdict_file(Accelerator accelerator, const std::filesystem::path& qemu,
                                   const std::filesystem::path& cache) {
  struct stat program{};
  const std::string boot = platform::boot_identity();
  if (cache.empty() || boot.empty() || ::stat(qemu.c_str(), &program) != 0) return {};
  const std::string key = fmt::format("{} {} {} {} {}", boot, qemu.native(), program.st_size,
                                      static_cast<std::int64_t>(program.st_mtime), firmware());
  return cache / fmt::format("{}-{:016x}", name_of(accelerator), hash64(std::as_bytes(std::span(key))));
}

// What the host has that is not slow; nothing on systems we know nothing of.
std::optional<Accelerator> accelerator_of_host() {
  switch (platform::running_system()) {
    case platform::System::linux: return Accelerator::kvm;
    case platform::System::macos: return Accelerator::hvf;
    case platform::System::other: return std::nullopt;
  }
  return std::nullopt;
}

// Why KVM cannot be used, if that can be seen without trying.
std::string missing_kvm() {
  constexpr const char* kDevice = "/dev/kvm";
  const UniqueFd device(::open(kDevice, O_RDWR | O_CLOEXEC));
  if (device) return {};
  switch (errno) {
    case ENOENT:
      return "This host has no /dev/kvm: virtualization is switched off in its firmware, or it is a virtual machine "
             "itself.";
    case EACCES:
    case EPERM: return "You may not use /dev/kvm. Become a member of its group: sudo usermod -aG kvm $USER";
    default: return fail_errno("/dev/kvm cannot be opened", errno).error().message;
  }
}

}  // namespace

Verdict judge_self_test(Accelerator accelerator, int status, std::string_view errors) {
  const std::string_view title = title_of(accelerator);
  if (status == kPassed) return {.works = true, .reason = {}, .is_final = true};
  if (errors.contains("internal error"))
    return {
        .works = false,
        .reason = fmt::format("{} is there, but cannot execute all that a kernel does{}: this host is most likely a "
                              "virtual machine itself, without real nested virtualization.",
                              title, errors.contains("emulation failure") ? " (emulation failure)" : ""),
        .is_final = true};
  if (status < 0)
    return {.works = false,
            .reason = fmt::format("{} is there, but executes guest code much too slowly: the self-test does not end "
                                  "within {} s.",
                                  title, kPatience.count())};
  const bool by_test = status % 2 == 1 && status > 2 && status < 64;
  if (by_test)
    return {.works = false,
            .reason = fmt::format("{} is there, but executes guest code wrongly (step {} of the self-test).", title,
                                  status / 2),
            .is_final = true};
  const std::string line = first_line(errors);
  return {.works = false,
          .reason = fmt::format("{} does not start: {}", title,
                                line.empty() ? fmt::format("QEMU ends with status {}.", status) : line)};
}

Verdict test_accelerator(Accelerator accelerator, const std::filesystem::path& qemu,
                         const std::filesystem::path& folder, const Attendants& attendants) {
  const std::string rom = firmware();
  if (rom.empty()) return {.works = true, .reason = "There is no self-test for this architecture."};
  const std::filesystem::path file = folder / fmt::format("self-test-{}", ::getpid());
  std::ofstream(file, std::ios::binary) << rom;
  auto pipe = platform::create_pipe();
  if (!pipe) return {.works = false, .reason = pipe.error().message};
  const auto child = attendants.start(
      {qemu.native(), "-machine", "q35", "-accel", std::string(name_of(accelerator)), "-cpu",
       accelerator == Accelerator::tcg ? "max" : "host", "-m", "64M", "-nodefaults", "-no-user-config", "-display",
       "none", "-no-reboot", "-bios", file.native(), "-device", "isa-debug-exit,iobase=0xf4,iosize=4"},
      {{.fd = pipe->write_end.get(), .number = 1}, {.fd = pipe->write_end.get(), .number = 2}});
  pipe->write_end = UniqueFd();
  Verdict verdict{.works = false, .reason = child ? "" : child.error().message};
  if (child) {
    std::string errors;
    auto state = watch(*child, pipe->read_end.get(), errors);
    verdict = judge_self_test(accelerator, state ? status_of(*state) : -1, errors);
    if (!state) {
      ::kill(*child, SIGKILL);
      static_cast<void>(platform::wait_for_child(*child));
    }
  }
  ::unlink(file.c_str());
  return verdict;
}

Verdict verdict_on_accelerator(Accelerator accelerator, const std::filesystem::path& qemu,
                               const std::filesystem::path& folder, const std::filesystem::path& cache,
                               const Attendants& attendants) {
  const auto file = verdict_file(accelerator, qemu, cache);
  if (!file.empty())
    if (auto verdict = read_verdict(file)) return *verdict;
  Verdict verdict = test_accelerator(accelerator, qemu, folder, attendants);
  if (!file.empty() && verdict.is_final) write_verdict(file, verdict);
  return verdict;
}

Result<ChosenAccelerator> choose_accelerator(const Machine& machine, const std::filesystem::path& qemu,
                                             const std::filesystem::path& folder, const std::filesystem::path& cache,
                                             const Attendants& attendants) {
  const auto host = accelerator_of_host();
  const bool foreign = machine.architecture != host_architecture();
  const Accelerator asked = machine.accelerator;
  if (asked == Accelerator::tcg) return ChosenAccelerator{};
  if (asked != Accelerator::automatic) {
    if (host != asked)
      return fail(fmt::format("This system has no {}.{}", title_of(asked),
                              host ? fmt::format(" It may have {}.", title_of(*host)) : ""),
                  ENODEV);
    if (foreign)
      return fail(fmt::format("{} runs guests of the host's architecture only, {}; use --accel tcg for {}.",
                              title_of(asked), name_of(host_architecture()), name_of(machine.architecture)),
                  ENOTSUP);
    if (auto missing = asked == Accelerator::kvm ? missing_kvm() : std::string(); !missing.empty())
      return fail(std::move(missing), ENODEV);
    return ChosenAccelerator{.accelerator = asked, .reason = {}};
  }
  if (foreign)
    return ChosenAccelerator{.reason =
                                 fmt::format("The guest is for {} and this host is {}, so QEMU translates its code "
                                             "(TCG), which is slow.",
                                             name_of(machine.architecture), name_of(host_architecture()))};
  if (!host) return ChosenAccelerator{.reason = "QEMU translates the guest's code (TCG), which is slow."};
  std::string reason = *host == Accelerator::kvm ? missing_kvm() : std::string();
  if (reason.empty()) {
    auto verdict = verdict_on_accelerator(*host, qemu, folder, cache, attendants);
    if (verdict.works) return ChosenAccelerator{.accelerator = *host, .reason = {}};
    reason = std::move(verdict.reason);
  }
  return ChosenAccelerator{.reason = reason + " So QEMU translates the guest's code (TCG), which is slow."};
}

}  // namespace hesper::vm
