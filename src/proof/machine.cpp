// Starting, watching and ending hesper gpu and QEMU. The launcher of hesper run (vm/launcher.cpp) stays with its
// machine and serves its user meanwhile; here everything waits for one thing after the other.
#include "proof/machine.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <fstream>
#include <iterator>
#include <thread>
#include <utility>
#include <variant>
#include <vector>

#include "vm/command_lines.h"
#include "vm/qemu_errors.h"
#include "vm/qmp.h"

extern "C" {  // guest_programs.S
extern const std::byte hesper_proof_guest_x86_64_begin[];
extern const std::byte hesper_proof_guest_x86_64_end[];
extern const std::byte hesper_proof_guest_aarch64_begin[];
extern const std::byte hesper_proof_guest_aarch64_end[];
}

namespace hesper::proof {
namespace {

using namespace std::chrono_literals;

constexpr auto kPeriod = 5ms;  // between two looks
constexpr auto kEndPatience = 5s;
constexpr std::size_t kMostLog = std::size_t{64} << 10;  // bytes that are read of what they wrote

std::string describe_end(const platform::ChildState& state) {
  return state.kind == platform::ChildState::Kind::killed ? fmt::format("was ended by signal {}", state.value)
                                                          : fmt::format("has ended with status {}", state.value);
}

std::string contents(const std::filesystem::path& file) {
  std::ifstream stream(file, std::ios::binary);
  std::string text(kMostLog, '\0');
  stream.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(stream.gcount()));
  return text;
}

// As log::start() formats it; those that begin with a space go on with the one before.
std::string first_error(std::string_view log) {
  constexpr std::string_view kMark = ": error: ";
  while (!log.empty()) {
    const std::string_view line = log.substr(0, log.find('\n'));
    log.remove_prefix(std::min(line.size() + 1, log.size()));
    const std::size_t at = line.find(kMark);
    if (at != std::string_view::npos && !line.substr(at + kMark.size()).starts_with(' '))
      return std::string(line.substr(at + kMark.size()));
  }
  return {};
}

}  // namespace

std::span<const std::byte> guest_program(vm::Architecture architecture) noexcept {
  switch (architecture) {
    case vm::Architecture::x86_64: return {hesper_proof_guest_x86_64_begin, hesper_proof_guest_x86_64_end};
    case vm::Architecture::aarch64: return {hesper_proof_guest_aarch64_begin, hesper_proof_guest_aarch64_end};
  }
  return {};
}

ProofMachine::~ProofMachine() {
  if (qemu_.process > 0) {
    ::kill(qemu_.process, SIGKILL);  // nothing in it is worth keeping
    static_cast<void>(platform::wait_for_child(qemu_.process));
  }
  if (gpu_.process < 0) return;
  ::kill(gpu_.process, SIGTERM);
  const auto until = Clock::now() + kEndPatience;
  while (!reap(gpu_) && Clock::now() < until) std::this_thread::sleep_for(kPeriod);
  if (gpu_.process < 0) return;
  ::kill(gpu_.process, SIGKILL);
  static_cast<void>(platform::wait_for_child(gpu_.process));
}

Result<void> ProofMachine::start(Child& child, const std::vector<std::string>& command, std::string_view log) {
  child.log = plan_.folder / log;
  const UniqueFd output(::open(child.log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
  if (!output) return fail_errno(fmt::format("'{}' cannot be written", child.log.native()), errno);
  const auto process =
      attendants_.start(command, {{.fd = output.get(), .number = 1}, {.fd = output.get(), .number = 2}});
  if (!process) return std::unexpected(process.error());
  child.process = *process;
  return {};
}

std::string ProofMachine::last_words(const Child& child) {
  const std::string text = contents(child.log);
  if (auto error = first_error(text); !error.empty()) return error;
  std::string_view rest = text;
  while (rest.ends_with('\n')) rest.remove_suffix(1);
  return std::string(rest.substr(rest.rfind('\n') + 1));
}

std::string ProofMachine::complaint() const { return first_error(contents(gpu_.log)); }

std::optional<platform::ChildState> ProofMachine::reap(Child& child) {
  if (child.process < 0) return std::nullopt;
  const auto state = platform::check_child(child.process);
  if (state.kind != platform::ChildState::Kind::exited && state.kind != platform::ChildState::Kind::killed)
    return std::nullopt;
  child.process = -1;
  return state;
}

Result<void> ProofMachine::check_gpu() {
  const auto state = reap(gpu_);
  if (!state) return {};
  const std::string words = last_words(gpu_);
  return fail(fmt::format("hesper gpu {}{}", describe_end(*state), words.empty() ? "." : ": " + words), ECHILD);
}

Result<void> ProofMachine::check_qemu() {
  const auto state = reap(qemu_);
  if (!state) return {};
  if (auto explained = vm::explain_qemu_error(contents(qemu_.log), plan_)) return fail(*std::move(explained), ECHILD);
  const std::string words = last_words(qemu_);
  return fail(fmt::format("QEMU {}{}", describe_end(*state), words.empty() ? "." : ": " + words), ECHILD);
}

Result<void> ProofMachine::check() {
  // When QEMU ends so does the GPU, and not the other way round.
  if (auto qemu = check_qemu(); !qemu) return qemu;
  return check_gpu();
}

Result<void> ProofMachine::start_gpu(Clock::time_point deadline) {
  if (auto started = start(gpu_, vm::gpu_command(plan_), "gpu.log"); !started) return started;
  auto control = plan_.gpu_socket();
  control += ".control";  // made after the other one
  std::error_code error;
  while (!std::filesystem::exists(control, error)) {
    if (auto running = check_gpu(); !running) return running;
    if (Clock::now() > deadline) return fail("hesper gpu does not get ready in time.", ETIMEDOUT);
    std::this_thread::sleep_for(kPeriod);
  }
  return {};
}

Result<UniqueFd> ProofMachine::start_qemu(Clock::time_point deadline) {
  const auto qmp = platform::Listener::at(plan_.qmp_socket());
  if (!qmp) return std::unexpected(qmp.error());
  const auto console = platform::Listener::at(plan_.console_socket());
  if (!console) return std::unexpected(console.error());
  if (auto started = start(qemu_, vm::qemu_command(plan_), "qemu.log"); !started)
    return std::unexpected(std::move(started.error()));
  auto line = accept(*console, deadline);
  if (!line) return line;
  auto monitor = accept(*qmp, deadline);
  if (!monitor) return monitor;
  qmp_ = std::move(*monitor);
  if (auto version = check_version(deadline); !version) return std::unexpected(std::move(version.error()));
  return line;
}

Result<UniqueFd> ProofMachine::accept(const platform::Listener& listener, Clock::time_point deadline) {
  for (;;) {
    pollfd waiting{.fd = listener.fd(), .events = POLLIN, .revents = 0};
    if (::poll(&waiting, 1, 20) > 0)
      if (auto connection = listener.accept(); connection || connection.error().code != EAGAIN) return connection;
    if (auto running = check(); !running) return std::unexpected(std::move(running.error()));
    if (Clock::now() > deadline) return fail("QEMU does not get ready in time.", ETIMEDOUT);
  }
}

Result<void> ProofMachine::check_version(Clock::time_point deadline) {
  std::string text;
  while (!text.contains('\n')) {
    if (auto running = check(); !running) return running;
    if (Clock::now() > deadline || text.size() > vm::Qmp::kLongestLine)
      return fail("QEMU does not get ready in time.", ETIMEDOUT);
    pollfd waiting{.fd = qmp_.get(), .events = POLLIN, .revents = 0};
    if (::poll(&waiting, 1, 20) <= 0) continue;
    std::array<std::byte, 4096> bytes;
    const auto part = platform::receive_part(qmp_.get(), bytes, 0);
    text.append(reinterpret_cast<const char*>(bytes.data()), part.size);
    if (part.closed) std::this_thread::sleep_for(kPeriod);  // its end comes next
  }
  const auto message = vm::parse_qmp(text.substr(0, text.find('\n')));
  if (!message) return std::unexpected(message.error());
  const auto* greeting = std::get_if<vm::QmpGreeting>(&*message);
  if (greeting == nullptr) return fail("QEMU's monitor does not begin with its version.", EPROTO);
  if (std::pair(greeting->major, greeting->minor) < std::pair(vm::kLeastQemuMajor, vm::kLeastQemuMinor))
    return fail(vm::qemu_too_old(plan_, fmt::format("{}.{}", greeting->major, greeting->minor)), ENOTSUP);
  return {};
}

}  // namespace hesper::proof
