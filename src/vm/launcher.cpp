// The launcher: one thread, one loop. What it starts is in sessions of its own, so that the terminal's signals reach
// only us, and is attended (attendance.h), so that nothing outlives us.
#include "vm/launcher.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <functional>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/log.h"
#include "base/tell.h"
#include "platform/event_loop.h"
#include "platform/process.h"
#include "platform/signals.h"
#include "platform/socket.h"
#include "vm/command_lines.h"
#include "vm/console.h"
#include "vm/control.h"
#include "vm/efi_variables.h"
#include "vm/plan_json.h"
#include "vm/qemu_errors.h"
#include "vm/qemu_input.h"
#include "vm/qmp.h"

namespace hesper::vm {
namespace {

using nlohmann::json;
using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

constexpr std::array kSignals = {SIGCHLD, SIGHUP, SIGINT, SIGQUIT, SIGTERM};

constexpr auto kSocketPatience = 30s;    // for a helper that is to listen
constexpr auto kQemuPatience = 30s;      // for QEMU to speak QMP
constexpr auto kEndPatience = 5s;        // for whoever was told to end
constexpr auto kHangUpGrace = 300ms;     // between the end of QEMU and that of those it is connected with
constexpr auto kQemuEndGrace = 3s;       // between the end of QEMU's sockets and that of QEMU, on a busy host
constexpr auto kPowerButtonPeriod = 5s;  // a guest that has just begun to boot does not notice the first time
constexpr auto kDriverPeriod = 2s;
constexpr auto kResumeGrace = 500ms;  // between a guest that goes on and that of its devices
constexpr auto kShortestRest = 1s;    // before a helper is started anew; twice as long each time, up to
constexpr auto kLongestRest = 60s;    // this; and who has run for so long begins from the start
constexpr std::size_t kMostErrors = std::size_t{64} * 1024;  // bytes of what QEMU complains about

// From the start of the machine until a driver must have taken the GPU.
std::chrono::seconds driver_patience(const Plan& plan) {
  if (plan.machine.driver_seconds != 0) return std::chrono::seconds(plan.machine.driver_seconds);
  return plan.accelerator == Accelerator::tcg ? 180s : 60s;
}

std::string describe_end(const platform::ChildState& state) {
  return state.kind == platform::ChildState::Kind::killed ? fmt::format("was ended by signal {}", state.value)
                                                          : fmt::format("ended with status {}", state.value);
}

class Launcher {
 public:
  Launcher(const Plan& plan, RuntimeFolder folder, const Attendants& attendants, Keeper keeper,
           platform::SignalPipe signals, std::unique_ptr<platform::EventLoop> loop, GpuQuestions gpu)
      : plan_(plan),
        attendants_(attendants),
        gpu_(std::move(gpu)),
        folder_(std::move(folder)),
        keeper_(std::move(keeper)),
        signals_(std::move(signals)),
        loop_(std::move(loop)) {}

  Result<void> run() {
    signal_watch_ = loop_->when_readable(signals_.fd(), [this] { on_signals(); });
    control_.emplace(*loop_, *folder_.control(),
                     ControlServer::Handlers{.describe = [this] { return describe(); },
                                             .plan = [this] { return to_json(plan_); },
                                             .stop = [this](bool force) { force ? end() : shut_down(); }});
    auto started = start();
    if (!started) {
      end();
    } else {
      while (qemu_.process > 0) turn();
      explain_end();
    }
    end_helpers();
    if (console_) console_->finish();
    terminal_.reset();
    if (!started) return started;
    if (!failure_.empty()) return fail(failure_);
    return {};
  }

 private:
  struct Child {
    std::string name;    // for log lines
    std::string loss;    // what the guest loses with it
    pid_t process = -1;  // -1: it does not run
    std::optional<platform::ChildState> end = std::nullopt;
    // Not empty: it is started anew by this, and what the guest loses is only what went on just then.
    std::vector<std::string> command = {};
    Clock::time_point started = {};
    Clock::duration rest = kShortestRest;
  };

  enum class State : std::uint8_t { starting, running, shutting_down, ending };

  // --- Start ---

  Result<void> start() {
    auto qmp_listener = platform::Listener::at(plan_.qmp_socket());
    if (!qmp_listener) return std::unexpected(std::move(qmp_listener.error()));
    qmp_listener_.emplace(std::move(*qmp_listener));
    if (plan_.machine.serial == Serial::terminal) {
      auto console_listener = platform::Listener::at(plan_.console_socket());
      if (!console_listener) return std::unexpected(std::move(console_listener.error()));
      console_listener_.emplace(std::move(*console_listener));
    }
    if (auto helpers = start_helpers(); !helpers) return helpers;
    if (auto variables = make_variables(); !variables) return variables;
    return start_qemu();
  }

  Result<void> start_helpers() {
    auto gpu_control = plan_.gpu_socket();
    gpu_control += ".control";  // made after the other one
    helpers_.push_back(
        {.name = "hesper gpu", .loss = "its screens, and its Vulkan; disks, network and serial console still work"});
    if (auto gpu = start_helper(gpu_command(plan_), gpu_control); !gpu) return gpu;
    if (!plan_.machine.view_arguments.empty()) {
      helpers_.push_back({.name = "hesper-view", .loss = {}, .command = view_command(plan_), .started = Clock::now()});
      if (auto view = start_helper(helpers_.back().command, plan_.view_reports()); !view) return view;
    }
    if (plan_.machine.network == Network::passt) {
      helpers_.push_back({.name = "passt",
                          .loss = "the connections that it has over its network",
                          .command = passt_command(plan_),
                          .started = Clock::now()});
      if (auto passt = start_helper(helpers_.back().command, plan_.passt_socket()); !passt) return passt;
    }
    for (std::size_t i = 0; i < plan_.machine.shares.size(); ++i) {
      const Share& share = plan_.machine.shares[i];
      helpers_.push_back({.name = "virtiofsd",
                          .loss = fmt::format("the shared folder '{}' ('{}'); what else it has still works", share.tag,
                                              share.folder.native())});
      if (auto shared = start_helper(share_command(plan_, i), plan_.share_socket(i)); !shared) return shared;
    }
    return {};
  }

  // Starts the last of helpers_, and waits until it listens.
  Result<void> start_helper(const std::vector<std::string>& command, const std::filesystem::path& socket) {
    const auto process = attendants_.start(command, {});
    if (!process) return std::unexpected(process.error());
    helpers_.back().process = *process;
    const auto until = Clock::now() + kSocketPatience;
    std::error_code error;
    while (!std::filesystem::exists(socket, error)) {
      if (state_ != State::starting) return fail("Told to end before the virtual machine was started.");
      if (helpers_.back().process < 0) return fail(fmt::format("{} cannot start.", helpers_.back().name));
      if (Clock::now() > until)
        return fail(fmt::format("{} does not get ready within {} s.", helpers_.back().name, kSocketPatience.count()));
      loop_->run_once(5ms);
    }
    return {};
  }

  Result<void> make_variables() {
    if (plan_.firmware_template.empty()) return {};
    return make_efi_variables(plan_.firmware_template, plan_.variables(), kGpuSlot);
  }

  Result<void> start_qemu() {
    auto errors = platform::create_pipe();
    if (!errors) return std::unexpected(std::move(errors.error()));
    const auto command = qemu_command(plan_);
    log::info("{}", quoted_for_shell(command));
    const auto process = attendants_.start(command, {{.fd = errors->write_end.get(), .number = STDOUT_FILENO},
                                                     {.fd = errors->write_end.get(), .number = STDERR_FILENO}});
    if (!process) return std::unexpected(process.error());
    qemu_ = {.name = "QEMU", .loss = {}, .process = *process, .end = {}};
    errors_ = std::move(errors->read_end);
    errors_watch_ = loop_->when_readable(errors_.get(), [this] { read_errors(); });
    qmp_watch_ = loop_->when_readable(qmp_listener_->fd(), [this] { accept_qmp(); });
    if (console_listener_) console_watch_ = loop_->when_readable(console_listener_->fd(), [this] { accept_console(); });
    after(kQemuPatience, [this] {
      if (state_ != State::starting) return;
      fail_and_end(fmt::format("QEMU does not get ready within {} s.", kQemuPatience.count()));
    });
    return {};
  }

  void accept_qmp() {
    auto socket = qmp_listener_->accept();
    if (!socket) return;
    qmp_watch_ = {};
    qmp_ = std::make_unique<Qmp>(*loop_, std::move(*socket),
                                 Qmp::Handlers{.ready = [this](const QmpGreeting& greeting) { on_ready(greeting); },
                                               .event = [this](const QmpEvent& event) { on_event(event); },
                                               .closed =
                                                   [this](const std::string& reason) {
                                                     if (!reason.empty() && state_ != State::ending)
                                                       fail_and_end(reason);
                                                   }});
  }

  void accept_console() {
    auto socket = console_listener_->accept();
    if (!socket) return;
    console_watch_ = {};
    const bool ours = ::isatty(STDIN_FILENO) != 0;
    terminal_.emplace();
    if (terminal_->before()) keeper_.remember(*terminal_->before());
    // A terminal that belongs to somebody else at present stays his.
    const bool use_input = !ours || terminal_->before().has_value();
    console_ = std::make_unique<Console>(*loop_, std::move(*socket),
                                         Console::Options{.input = use_input ? STDIN_FILENO : -1,
                                                          .keys = ours,
                                                          .on_key = [this](EscapeKeys::Key key) { on_key(key); }});
  }

  void on_ready(const QmpGreeting& greeting) {
    if (std::pair(greeting.major, greeting.minor) < std::pair(kLeastQemuMajor, kLeastQemuMinor))
      return fail_and_end(qemu_too_old(plan_, fmt::format("{}.{}", greeting.major, greeting.minor)));
    if (state_ != State::starting) return;
    state_ = State::running;
    driver_expected_ = Clock::now() + driver_patience(plan_);
    after(kDriverPeriod, [this] { look_for_driver(); });
    qmp_->execute("query-cpus-fast", json::object(), [this](const Result<json>& answer) {
      if (answer) cpu_threads_ = threads_of_cpus(*answer);
    });
    input_.emplace(*loop_, *qmp_);
    take_input();
  }

  // For as long as the guest runs: before that, and during a pause, what is typed waits in hesper-gpu.
  void take_input() {
    auto tap = gpu_.open_input_tap();
    if (!tap) return log::info("Firmware gets no keys. {}", tap.error().message);
    input_->start(std::move(*tap));
  }

  // --- While it runs ---

  void turn() {
    std::optional<std::chrono::milliseconds> wait;
    if (!timers_.empty())
      wait = std::max(0ms, std::chrono::ceil<std::chrono::milliseconds>(timers_.begin()->first - Clock::now()));
    const bool stuck = console_ && console_->is_stuck();
    if (stuck) wait = std::min(wait.value_or(20ms), 20ms);
    loop_->run_once(wait);
    if (stuck) console_->go_on();
    while (!timers_.empty() && timers_.begin()->first <= Clock::now()) {
      const auto timer = timers_.extract(timers_.begin());
      timer.mapped()();
    }
  }

  void after(Clock::duration delay, std::function<void()> work) {
    timers_.emplace(Clock::now() + delay, std::move(work));
  }

  void on_signals() {
    for (const auto& signal : signals_.take()) {
      switch (signal.number) {
        case SIGCHLD: break;
        case SIGHUP:
        case SIGTERM: shut_down_by(plan_.machine.shutdown_seconds); break;
        default: shut_down_or_end();
      }
    }
    look_after_qemu();
    for (Child& helper : helpers_) look_after(helper);
  }

  // Nothing: it runs.
  std::optional<platform::ChildState> reap(Child& child) {
    if (child.process < 0) return std::nullopt;
    const auto state = platform::check_child(child.process);
    if (state.kind != platform::ChildState::Kind::exited && state.kind != platform::ChildState::Kind::killed)
      return std::nullopt;
    child.process = -1;
    child.end = state;
    return state;
  }

  void look_after(Child& helper) {
    const auto state = reap(helper);
    if (!state || qemu_.process < 0 || state_ == State::ending) return;
    if (!helper.command.empty()) return start_anew(helper, *state);
    const auto lose = [this, name = helper.name, loss = helper.loss, how = describe_end(*state)] {
      if (qemu_.process < 0 || state_ == State::ending) return;
      failure_ = fmt::format("The virtual machine '{}' has ended, as it had lost {}.", plan_.machine.name, name);
      log::error(
          "{} {}. The guest has lost {}. It cannot get that back, so it is shut down now, and is ended if that "
          "takes longer than {} s.",
          name, how, loss, plan_.machine.shutdown_seconds);
      shut_down_by(plan_.machine.shutdown_seconds);
    };
    // Who ends well has noticed that QEMU ends, which we will in a moment.
    ended_well(*state) ? after(kQemuEndGrace, lose) : lose();
  }

  // helper: stays where it is, as all have been started.
  void start_anew(Child& helper, const platform::ChildState& state) {
    if (ended_well(state)) return log::info("{} has ended, and is not needed any more.", helper.name);
    if (Clock::now() - helper.started > kLongestRest) helper.rest = kShortestRest;
    log::warn("{} {}. The guest {}. It is started anew in {} s.", helper.name, describe_end(state),
              helper.loss.empty() ? "does not notice" : "loses " + helper.loss,
              std::chrono::duration_cast<std::chrono::seconds>(helper.rest).count());
    after(helper.rest, [this, &helper] {
      if (qemu_.process < 0 || state_ == State::ending) return;
      helper.started = Clock::now();
      helper.rest = std::min<Clock::duration>(2 * helper.rest, kLongestRest);
      const auto process = attendants_.start(helper.command, {});
      if (process)
        helper.process = *process;
      else
        log::error("{}", process.error().message);
    });
  }

  static bool ended_well(const platform::ChildState& state) {
    return state.kind == platform::ChildState::Kind::exited && state.value == 0;
  }

  void look_after_qemu() {
    if (reap(qemu_)) read_errors();
  }

  // Why QEMU has ended by itself, if that was not well.
  void explain_end() {
    if (!failure_.empty() || state_ == State::ending || !qemu_.end || ended_well(*qemu_.end)) return;
    // It does not survive all losses of a helper, and may be seen to end before that is.
    const auto until = Clock::now() + kHangUpGrace;
    const auto runs = [](const Child& child) { return child.process > 0 && child.command.empty(); };
    while (std::ranges::any_of(helpers_, runs) && Clock::now() < until) {
      loop_->run_once(10ms);
      for (Child& helper : helpers_) static_cast<void>(reap(helper));
    }
    for (const Child& helper : helpers_) {
      if (!helper.end || ended_well(*helper.end) || !helper.command.empty()) continue;
      failure_ = fmt::format(
          "{} {}, and QEMU with it, which could not do without just then. For the guest it is as if its "
          "plug were pulled.",
          helper.name, describe_end(*helper.end));
      return;
    }
    const std::string complaint = last_errors();
    if (auto explained = explain_qemu_error(complaint, plan_)) {
      failure_ = *explained;
      log::info("QEMU says: {}", complaint);
      return;
    }
    failure_ = fmt::format("QEMU {}{}{}", describe_end(*qemu_.end), complaint.empty() ? "" : ": ", complaint);
    if (complaint.empty())
      failure_ += state_ == State::starting ? "." : "; for the guest it is as if its plug were pulled.";
  }

  // What it complained about, in one line.
  [[nodiscard]] std::string last_errors() const {
    std::string text = complaints_;
    while (!text.empty() && text.back() == '\n') text.pop_back();
    std::ranges::replace(text, '\n', ' ');
    return text;
  }

  void read_errors() {
    std::array<char, 4096> bytes;
    for (;;) {
      const ssize_t size = ::read(errors_.get(), bytes.data(), bytes.size());
      if (size < 0 && errno == EINTR) continue;
      if (size <= 0) {
        if (size == 0) errors_watch_ = {};
        return;
      }
      if (complaints_.size() < kMostErrors) complaints_.append(bytes.data(), static_cast<std::size_t>(size));
      complaint_.append(bytes.data(), static_cast<std::size_t>(size));
      for (std::size_t end = 0; (end = complaint_.find('\n')) != std::string::npos; complaint_.erase(0, end + 1))
        log::info("QEMU: {}", std::string_view(complaint_).substr(0, end));
      if (complaint_.size() > kMostErrors) complaint_.clear();
    }
  }

  void on_event(const QmpEvent& event) {
    const auto text = [&](const char* name) {
      const auto found = event.data.find(name);
      return found != event.data.end() && found->is_string() ? found->get<std::string>() : std::string();
    };
    if (event.name == "STOP") {
      input_wanted_ = false;
      if (input_) input_->stop();
      qmp_->execute("query-status", json::object(), [this](const Result<json>& answer) {
        if (answer && answer->is_object() && answer->value("status", json()) == "internal-error")
          fail_and_end(
              fmt::format("{} cannot execute the guest's code on this host. Start it with --accel tcg, which is "
                          "slower.",
                          plan_.accelerator == Accelerator::hvf ? "HVF" : "KVM"));
      });
    } else if (event.name == "RESUME" && input_) {
      // Drivers that run have theirs back by then.
      input_wanted_ = true;
      after(kResumeGrace, [this] {
        if (std::exchange(input_wanted_, false)) take_input();
      });
    } else if (event.name == "BLOCK_IO_ERROR") {
      log::warn("A disk of the guest cannot be {}: {}.{}", text("operation") == "read" ? "read" : "written",
                text("reason"), text("action") == "stop" ? " The guest stands still." : "");
    }
  }

  void look_for_driver() {
    if (state_ != State::running || gpu_.driver_runs()) return;
    if (Clock::now() < driver_expected_) return after(kDriverPeriod, [this] { look_for_driver(); });
    log::warn(
        "After {} s no driver of the guest has taken its GPU, so its screen stays blank. Either it has not booted "
        "(its serial console tells), or its kernel lacks virtio-gpu (CONFIG_DRM_VIRTIO_GPU; some distributions "
        "have it in a package of extra modules).",
        driver_patience(plan_).count());
  }

  // By the number of a processor; null where QEMU does not tell.
  static json threads_of_cpus(const json& cpus) {
    std::map<std::uint64_t, std::uint64_t> threads;
    if (!cpus.is_array()) return json();
    for (const json& cpu : cpus) {
      const auto index = cpu.is_object() ? cpu.find("cpu-index") : cpu.end();
      const auto thread = cpu.is_object() ? cpu.find("thread-id") : cpu.end();
      if (index == cpu.end() || thread == cpu.end() || !index->is_number_unsigned() || !thread->is_number_unsigned())
        return json();
      threads[index->get<std::uint64_t>()] = thread->get<std::uint64_t>();
    }
    json result = json::array();
    for (const auto& [index, thread] : threads) result.push_back(thread);
    return result;
  }

  [[nodiscard]] json helper_processes() const {
    json processes = json::array();
    for (const Child& helper : helpers_)
      if (helper.process > 0) processes.push_back(helper.process);
    return processes;
  }

  [[nodiscard]] json view_process() const {
    const auto view = std::ranges::find_if(helpers_, [](const Child& helper) { return helper.name == "hesper-view"; });
    return view != helpers_.end() && view->process > 0 ? json(view->process) : json();
  }

  [[nodiscard]] json describe() const {
    const Machine& machine = plan_.machine;
    json forwards = json::array();
    for (const Forward& forward : machine.forwards)
      forwards.push_back({{"protocol", forward.udp ? "udp" : "tcp"},
                          {"address", forward.address},
                          {"host", forward.host},
                          {"guest", forward.guest}});
    constexpr std::array kStates = {"starting", "running", "shutting down", "ending"};
    return {
        {"name", machine.name},
        {"state", kStates[static_cast<std::size_t>(state_)]},
        {"process", ::getpid()},
        {"qemu_process", qemu_.process > 0 ? json(qemu_.process) : json()},
        {"architecture", name_of(machine.architecture)},
        {"accelerator", name_of(plan_.accelerator)},
        {"cpus", machine.cpus},
        {"memory", machine.memory},
        {"displays", std::max<std::size_t>(machine.displays.size(), 1)},
        {"boots", (machine.kernel.empty() && !machine.disks.empty() ? machine.disks[0].path : machine.kernel).native()},
        {"forwards", forwards},
        {"vsock", machine.vsock ? json(*machine.vsock) : json()},
        {"view_process", view_process()},
        {"helper_processes", helper_processes()},
        {"cpu_threads", cpu_threads_},
        {"gpu_socket", plan_.gpu_socket().native()},
        {"seconds", std::chrono::duration_cast<std::chrono::seconds>(Clock::now() - started_).count()},
    };
  }

  // --- End ---

  void on_key(EscapeKeys::Key key) {
    if (key == EscapeKeys::Key::shut_down) return shut_down_or_end();
    tell(
        "\nCtrl-a x       shut the guest down; again: end it at once\n"
        "Ctrl-a Ctrl-a  a Ctrl-a for the guest\n"
        "Ctrl-a h       this help\n");
  }

  void shut_down_or_end() {
    if (state_ == State::shutting_down) {
      log::warn("The virtual machine is ended.");
      return end();
    }
    shut_down();
    if (state_ == State::shutting_down) tell("hesper: The guest is told to shut down; once more ends it at once.\n");
  }

  void shut_down_by(std::uint32_t seconds) {
    shut_down();
    after(std::chrono::seconds(seconds), [this, seconds] {
      if (state_ == State::ending) return;
      log::warn("The guest has not shut down within {} s, and is ended.", seconds);
      end();
    });
  }

  void shut_down() {
    if (state_ == State::starting) return end();
    if (state_ != State::running) return;
    state_ = State::shutting_down;
    // A guest that boots again instead would make QEMU abort if its GPU is gone.
    qmp_->execute("set-action", {{"reboot", "shutdown"}});
    qmp_->execute("cont");  // it may stand still
    press_power_button();
  }

  void press_power_button() {
    if (state_ != State::shutting_down) return;
    qmp_->execute("system_powerdown");
    after(kPowerButtonPeriod, [this] { press_power_button(); });
  }

  void fail_and_end(std::string reason) {
    if (failure_.empty()) failure_ = std::move(reason);
    end();
  }

  // Safe for the disks: QEMU writes what it holds.
  void end() {
    if (state_ == State::ending) return;
    state_ = State::ending;
    if (qemu_.process < 0) return;
    ::kill(qemu_.process, SIGTERM);
    after(kEndPatience, [this] {
      if (qemu_.process > 0) ::kill(qemu_.process, SIGKILL);
    });
  }

  void end_helpers() {
    state_ = State::ending;
    const auto until = Clock::now() + kEndPatience;
    const auto runs = [](const Child& child) { return child.process > 0; };
    const auto signal_all = [&](int signal) {
      for (const Child& helper : helpers_)
        if (runs(helper)) ::kill(helper.process, signal);
    };
    signal_all(SIGTERM);
    while (std::ranges::any_of(helpers_, runs) && Clock::now() < until) {
      loop_->run_once(20ms);
      for (Child& helper : helpers_) static_cast<void>(reap(helper));
    }
    signal_all(SIGKILL);
    for (Child& helper : helpers_)
      if (runs(helper)) static_cast<void>(platform::wait_for_child(std::exchange(helper.process, -1)));
  }

  const Plan& plan_;
  const Attendants& attendants_;
  const GpuQuestions gpu_;
  const Clock::time_point started_ = Clock::now();
  RuntimeFolder folder_;
  Keeper keeper_;
  platform::SignalPipe signals_;
  std::unique_ptr<platform::EventLoop> loop_;
  State state_ = State::starting;
  std::string failure_;  // why the machine has not ended well
  std::vector<Child> helpers_;
  Child qemu_;
  std::multimap<Clock::time_point, std::function<void()>> timers_;
  Clock::time_point driver_expected_;

  UniqueFd errors_;
  std::string complaints_;  // what QEMU wrote there, the beginning
  std::string complaint_;   // its last line, so far
  std::optional<platform::Listener> qmp_listener_;
  std::optional<platform::Listener> console_listener_;
  std::unique_ptr<Qmp> qmp_;
  json cpu_threads_;  // of the guest's processors, an array; null: not known yet
  std::optional<QemuInput> input_;
  bool input_wanted_ = false;  // the guest goes on, and is to get input soon
  std::optional<RawTerminal> terminal_;
  std::unique_ptr<Console> console_;
  std::optional<ControlServer> control_;
  platform::EventLoop::Watch signal_watch_;
  platform::EventLoop::Watch errors_watch_;
  platform::EventLoop::Watch qmp_watch_;
  platform::EventLoop::Watch console_watch_;
};

}  // namespace

Result<void> run_machine(const Plan& plan, RuntimeFolder folder, const Attendants& attendants, GpuQuestions gpu) {
  auto keeper = Keeper::start(attendants.hesper(), folder.path());
  if (!keeper) return std::unexpected(std::move(keeper.error()));
  auto signals = platform::SignalPipe::install(kSignals);
  if (!signals) return std::unexpected(std::move(signals.error()));
  auto loop = platform::EventLoop::create();
  if (!loop) return std::unexpected(std::move(loop.error()));
  return Launcher(plan, std::move(folder), attendants, std::move(*keeper), std::move(*signals), std::move(*loop),
                  std::move(gpu))
      .run();
}

}  // namespace hesper::vm
