// Supervisor: the loop, and the life of a client in it: served, left (its worker gets a grace time), gone; or served,
// lost (its worker died or was killed), ended.
#include "supervisor/supervisor.h"

#include <fcntl.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <string>
#include <utility>

#include "base/log.h"
#include "platform/process.h"

namespace hesper::supervisor {
namespace {

// How long a worker may take to end after its client: what is queued on the GPU, and the driver's clean-up.
constexpr auto kWorkerGrace = std::chrono::seconds(5);
// How long a worker may be stopped. Nothing stops workers but a person with kill(1): the terminal's stops do not reach
// them. Their clients must not wait for long.
constexpr auto kStopGrace = std::chrono::seconds(1);

// What happens to a client that outlives its worker, and when.
struct LastResort {
  std::chrono::milliseconds after;
  int signal;
};
constexpr std::array<LastResort, 2> kLastResorts{
    {{std::chrono::milliseconds(1000), SIGABRT}, {std::chrono::milliseconds(1500), SIGKILL}}};

// A spare worker that was taken is replaced when its client has had a moment to itself.
constexpr auto kSpareDelay = std::chrono::milliseconds(100);

std::string describe(std::size_t number, std::optional<pid_t> process) {
  return process ? fmt::format("client {} (process {})", number, *process) : fmt::format("client {}", number);
}

// "The worker of client 3 (process 812), process 815 (sandbox strict),"
std::string describe_worker(const std::string& client, pid_t worker, const platform::Mapping& record) {
  return fmt::format("The worker of {}, process {} ({}),", client, worker, sandbox_text(flight::record_in(record)));
}

void log_last_commands(const platform::Mapping& record) {
  for (const std::string& line : last_commands(flight::record_in(record), std::chrono::steady_clock::now()))
    log::error("  {}", line);
}

}  // namespace

Result<std::unique_ptr<Supervisor>> Supervisor::create(platform::EventLoop& loop, platform::SignalPipe& signals,
                                                       WorkerProgram worker, Limits limits) {
  auto lifeline = platform::create_pipe();
  if (!lifeline) return std::unexpected(std::move(lifeline.error()));
  std::optional<CaptureFiles> captures;
  if (worker.capture) {
    auto files = CaptureFiles::create(*worker.capture);
    if (!files) return std::unexpected(std::move(files.error()));
    captures = std::move(*files);
    limits.spare_workers = 0;  // a worker's file is the next client's, which it would have before there is one
  }
  return std::unique_ptr<Supervisor>(
      new Supervisor(loop, signals, std::move(worker), limits, std::move(*lifeline), std::move(captures)));
}

int Supervisor::run(const OnSignals& on_signals) {
  platform::raise_fd_limit();  // from here on nothing is started but workers, which do the same
  auto signals = loop_.when_readable(signals_.fd(), [] {});
  for (;;) {
    start_spares();
    wait();
    if (const auto received = signals_.take(); !received.empty()) {
      reap_workers();
      if (const auto status = on_signals(received)) {
        signals = {};
        finish();
        return *status;
      }
    }
    kill_late_workers();
    watch_workers();
    end_lost_clients();
    // A context learns of its worker's end by this.
    std::erase_if(clients_, [this](const Client& client) {
      return client.worker.process == 0 && (worker_.door == Door::link || !client.lost_at || !client.socket);
    });
  }
}

// Waits for events and handles them; the caller takes the signals.
void Supervisor::wait() {
  const auto now = Clock::now();
  if (accept_again_at_ && *accept_again_at_ <= now) accept_again_at_.reset();
  const bool accepting = listener_ != nullptr && clients_.size() < limits_.max_clients && !accept_again_at_;
  if (!accepting) {
    new_clients_ = {};
  } else if (!new_clients_) {
    new_clients_ = loop_.when_readable(listener_->fd(), [this] { accept_clients(); });
  }
  std::optional<std::chrono::milliseconds> timeout;
  if (const auto deadline = next_deadline())
    timeout = std::max(std::chrono::ceil<std::chrono::milliseconds>(*deadline - now), std::chrono::milliseconds(0));
  loop_.run_once(timeout);
}

void Supervisor::on_hang_up(Client& client) {
  client.hang_up = {};
  client.left_at = Clock::now();
  if (worker_.door == Door::link) {
    // Nobody waits for it any more, or it is to die: whoever asks gave it the time to end by itself.
    if (client.worker.process != 0) ::kill(client.worker.process, SIGKILL);
    return lose(client);
  }
  if (client.lost_at) client.socket = UniqueFd();
}

std::optional<Supervisor::Clock::time_point> Supervisor::next_deadline() const {
  std::optional<Clock::time_point> first = accept_again_at_;
  const auto consider = [&](Clock::time_point deadline) { first = std::min(first.value_or(deadline), deadline); };
  if (spares_.size() < limits_.spare_workers) consider(start_spares_at_);
  if (watch_at_) consider(*watch_at_);
  for (const Client& client : clients_) {
    if (client.worker.process != 0 && client.left_at) consider(*client.left_at + kWorkerGrace);
    if (client.stopped_at) consider(*client.stopped_at + kStopGrace);
    if (worker_.door == Door::vtest && client.lost_at && client.socket)
      consider(*client.lost_at + kLastResorts.at(static_cast<std::size_t>(client.signals_sent)).after);
  }
  return first;
}

void Supervisor::accept_clients() {
  while (clients_.size() < limits_.max_clients) {
    auto socket = listener_->accept();
    if (!socket) {
      const int error = socket.error().code;
      if (error == EAGAIN || error == EWOULDBLOCK) return;
      if (error == EINTR || error == ECONNABORTED) continue;
      log::error("{}", socket.error().message);
      accept_again_at_ = Clock::now() + std::chrono::seconds(1);
      return;
    }
    const std::size_t number = ++last_number_;
    const int connection = socket->get();
    Client client{.description = describe(number, platform::peer_process(connection)), .socket = std::move(*socket)};
    if (auto served = start_serving(std::move(client), number, connection); !served) refuse(clients_.back());
  }
  log::info("{} clients are connected, the limit (--max-clients). Others wait until one leaves.", limits_.max_clients);
}

void Supervisor::serve(GuestContext context) {
  Client client{.description = fmt::format("context {} ({})", context.id, context.name),
                .socket = std::move(context.life)};
  if (clients_.size() >= limits_.max_clients)
    return log::error("{} gets no worker: {} contexts have one, the limit (--max-clients).", client.description,
                      clients_.size());
  if (auto served = start_serving(std::move(client), context.id, context.link.get()); !served) clients_.pop_back();
}

// The client is the last one then, also if it cannot be served, which is logged.
Result<void> Supervisor::start_serving(Client new_client, std::size_t number, int connection) {
  Client& client = clients_.emplace_back(std::move(new_client));
  auto worker = find_worker_for(number, connection);
  if (!worker) {
    log::error("{} cannot be served: {}", client.description, worker.error().message);
    return std::unexpected(std::move(worker.error()));
  }
  client.worker = std::move(*worker);
  if (limits_.watchdog.count() > 0) {
    client.watchdog.emplace(limits_.watchdog);
    if (!watch_at_) watch_at_ = Clock::now();
  }
  // What a vtest client sends is its worker's to read; only its hang-up matters here. A context sends nothing here.
  const auto on_end = [this, &client] { on_hang_up(client); };
  client.hang_up = worker_.door == Door::link ? loop_.when_readable(client.socket.get(), on_end)
                                              : loop_.when_hung_up(client.socket.get(), on_end);
  client.wishes = loop_.when_readable(client.worker.will.fd(), [&client] {
    client.worker.will.take();
    if (client.worker.will.fd() < 0) client.wishes = {};
  });
  log::debug("{} is served by process {}.", client.description, client.worker.process);
  return {};
}

void Supervisor::start_spares() {
  while (spares_.size() < limits_.spare_workers && Clock::now() >= start_spares_at_) {
    auto pair = platform::create_socket_pair();
    auto worker = pair ? start_worker(pair->second.get(), true, "spare worker") : std::unexpected(pair.error());
    if (!worker) {
      // The next client's own worker may fail likewise, and then it is worth an error.
      log::debug("No spare worker: {}", worker.error().message);
      return put_off_spares();
    }
    spares_.push_back({.worker = std::move(*worker), .control = std::move(pair->first)});
  }
}

void Supervisor::put_off_spares() {
  start_spares_at_ = Clock::now() + limits_.spare_retry * spare_retry_;
  spare_retry_ = std::min(spare_retry_ * 2, kLongestSpareRetry);
}

Result<Supervisor::Worker> Supervisor::find_worker_for(std::size_t number, int connection) {
  while (!spares_.empty()) {
    Spare spare = std::move(spares_.front());
    spares_.erase(spares_.begin());
    start_spares_at_ = Clock::now() + kSpareDelay;
    const SpareOrder order{.client = number};
    if (platform::send_all(spare.control.get(), std::as_bytes(std::span(&order, 1))) &&
        platform::send_fd(spare.control.get(), connection)) {
      spare_retry_ = 1;
      return std::move(spare.worker);
    }
    ::kill(spare.worker.process, SIGKILL);  // it was dying
    (void)platform::wait_for_child(spare.worker.process);
    put_off_spares();
  }
  return start_worker(connection, false, worker_name(worker_.door, number));
}

Result<Supervisor::Worker> Supervisor::start_worker(int socket, bool spare, const std::string& name) {
  auto will = platform::create_socket_pair();
  if (!will) return std::unexpected(std::move(will.error()));
  auto record = flight::create_record();
  if (!record) return std::unexpected(std::move(record.error()));
  auto mapped_record = flight::map_record(record->get());
  if (!mapped_record) return std::unexpected(std::move(mapped_record.error()));
  const UniqueFd nothing(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  platform::SpawnOptions spawn{
      .program = worker_.path.native(),
      .arguments = {worker_.path.native(), door_option(worker_.door), std::to_string(kWorkerSocket), "--lifeline-fd",
                    std::to_string(kWorkerLifeline), "--last-will-fd", std::to_string(kWorkerLastWill), "--record-fd",
                    std::to_string(kWorkerRecord), "--name", name},
      .environment = worker_.environment,
      // What a driver prints must not end up in the output of the client's program, nor its input in a driver.
      .fds = {{.fd = nothing.get(), .number = STDIN_FILENO},
              {.fd = STDERR_FILENO, .number = STDOUT_FILENO},
              {.fd = socket, .number = kWorkerSocket},
              {.fd = lifeline_.read_end.get(), .number = kWorkerLifeline},
              {.fd = will->second.get(), .number = kWorkerLastWill},
              {.fd = record->get(), .number = kWorkerRecord}},
      // Ctrl-C is for the program; the worker ends when the program does.
      .new_session = true,
  };
  if (spare) spawn.arguments.emplace_back("--spare");
  spawn.arguments.insert(spawn.arguments.end(), worker_.options.begin(), worker_.options.end());
  // What the system refuses to the sandbox, it refuses to all workers alike; the first one says it.
  if (std::exchange(first_worker_started_, true)) spawn.arguments.emplace_back("--sandbox-told");
  UniqueFd capture;
  if (captures_) {
    if (auto file = captures_->next()) {
      capture = std::move(*file);
      spawn.fds.push_back({.fd = capture.get(), .number = kWorkerCapture});
      spawn.arguments.insert(spawn.arguments.end(), {"--capture-fd", std::to_string(kWorkerCapture)});
    } else {
      log::error("{} is not captured: {}", name, file.error().message);
    }
  }
  const auto process = platform::spawn(spawn);
  if (!process) return std::unexpected(process.error());
  return Worker{.process = *process, .record = std::move(*mapped_record), .will = LastWill(std::move(will->first))};
}

// True if it has ended.
bool Supervisor::reap_spare(Spare& spare) {
  const auto state = platform::check_child(spare.worker.process);
  const bool killed = state.kind == platform::ChildState::Kind::killed;
  if (!killed && state.kind != platform::ChildState::Kind::exited) return false;
  // Not at once again: the next would most likely end like this one, and a client's own worker tells what is wrong.
  log::debug("A spare worker ends ({} {}); until there is another, clients get theirs when they come.",
             killed ? "signal" : "status", state.value);
  put_off_spares();
  return true;
}

void Supervisor::reap_workers() {
  std::erase_if(spares_, [this](Spare& spare) { return reap_spare(spare); });
  for (Client& client : clients_) {
    if (client.worker.process == 0) continue;
    const auto state = platform::check_child(client.worker.process);
    switch (state.kind) {
      case platform::ChildState::Kind::running: continue;
      case platform::ChildState::Kind::stopped:
        if (limits_.watchdog.count() > 0) client.stopped_at = Clock::now();
        continue;
      case platform::ChildState::Kind::continued: client.stopped_at.reset(); continue;
      case platform::ChildState::Kind::exited:
      case platform::ChildState::Kind::killed: break;
    }
    const pid_t worker = std::exchange(client.worker.process, 0);
    client.stopped_at.reset();
    if (client.lost_at) continue;  // we have killed it
    const std::string whose = describe_worker(client.description, worker, client.worker.record);
    if (state.kind == platform::ChildState::Kind::killed) {
      log::error("{} ended by signal {} ({}). Other clients are not affected.", whose, state.value,
                 ::strsignal(state.value));
      log_last_commands(client.worker.record);
      lose(client);
    } else if (const WorkerExit exit{state.value};
               exit == WorkerExit::driver_gave_up || exit == WorkerExit::out_of_memory) {
      log::error("{} ended {}. Other clients are not affected.", whose,
                 exit == WorkerExit::out_of_memory ? "as the system gives it no more memory or threads"
                                                   : "by an exit() of the host's driver");
      log_last_commands(client.worker.record);
      lose(client);
    } else if (exit != WorkerExit::client_left) {
      refuse(client);
    }
  }
}

void Supervisor::kill_late_workers() {
  const auto now = Clock::now();
  for (Client& client : clients_) {
    if (client.worker.process == 0 || !client.left_at || *client.left_at + kWorkerGrace > now) continue;
    log::warn("The worker of {} does not end although its client has left; it is killed.", client.description);
    ::kill(client.worker.process, SIGKILL);
    client.left_at = now;  // in case it cannot even be killed at once: a driver in the kernel
  }
}

void Supervisor::watch_workers() {
  const auto now = Clock::now();
  for (Client& client : clients_) {
    if (client.stopped_at && *client.stopped_at + kStopGrace <= now) kill_worker(client, "it has been stopped");
  }
  if (!watch_at_ || *watch_at_ > now) return;
  watch_at_.reset();
  for (Client& client : clients_) {
    if (client.worker.process == 0 || client.left_at || client.lost_at || !client.watchdog) continue;
    watch_at_ = now + Watchdog::period(limits_.watchdog);
    const auto overdue = client.watchdog->look(flight::record_in(client.worker.record), now);
    if (!overdue) continue;
    const auto seconds = [](Clock::duration time) { return std::chrono::duration<double>(time).count(); };
    kill_worker(client, fmt::format("{} has been in {} for {:.1f} s, longer than --watchdog {} lets it ({:.1f} s)",
                                    stream_name(overdue->view), activity_name(overdue->view.history.front().type),
                                    seconds(overdue->stalled), seconds(limits_.watchdog), seconds(overdue->limit)));
  }
}

void Supervisor::kill_worker(Client& client, std::string_view reason) {
  client.stopped_at.reset();
  log::error("{} is killed: {}. Other clients are not affected.",
             describe_worker(client.description, client.worker.process, client.worker.record), reason);
  log_last_commands(client.worker.record);
  ::kill(client.worker.process, SIGKILL);
  lose(client);
}

// Tells a client, in every way there is, that its worker is gone. None of them is sure, so end_lost_clients() follows.
//
// A client that waits for its ring, or for a fence whose state lies in memory, finds the ring's FATAL bit, which the
// worker's last will sets: Mesa looks for it when a wait has taken 3.5 s, and at each submission.
//
// A client that waits for a reply gets zeros: where the reply should carry an fd it aborts, all other replies then say
// "no" or 0. The next thing it does is a request of its own, and writing to a socket that nobody reads ends it. The
// socket stays open meanwhile, as a Venus client whose read() finds an end of file tries again for ever at full CPU.
//
// A client that polls for a fence saw the end of a pipe when the worker died: its device is lost.
//
// A context of a virtual machine has the ring's bit too; all else is its device's to do, which learns of the worker's
// death when that has come.
void Supervisor::lose(Client& client) {
  constexpr std::array<std::byte, 1024> kZeros{};  // more than the longest reply
  client.wishes = {};
  client.worker.will.execute();
  if (worker_.door == Door::link) {
    client.lost_at = Clock::now();
    return;
  }
  (void)platform::send_all(client.socket.get(), kZeros);
  platform::refuse_to_read(client.socket.get());
  client.lost_at = Clock::now();
}

// The same for a client that its worker has refused to serve, which was told by the worker already, or is no Venus at
// all.
void Supervisor::refuse(Client& client) {
  lose(client);
  client.hang_up = {};
  client.socket = UniqueFd();
}

// What Mesa does to a client without a renderer is abort(), sooner or later: within seconds if it waits, or else at its
// next call. Programs should not hang that long, so what has not left by then gets what was coming.
void Supervisor::end_lost_clients() {
  const auto now = Clock::now();
  for (Client& client : clients_) {
    if (worker_.door == Door::link || !client.lost_at || !client.socket) continue;
    const LastResort& resort = kLastResorts.at(static_cast<std::size_t>(client.signals_sent));
    if (*client.lost_at + resort.after > now) continue;
    ++client.signals_sent;
    const bool sent = platform::signal_peer(client.socket.get(), resort.signal);
    if (sent)
      log::warn("{} does not notice that its worker is gone; it gets signal {} ({}).", client.description,
                resort.signal, ::strsignal(resort.signal));
    if (sent && static_cast<std::size_t>(client.signals_sent) < kLastResorts.size()) continue;
    client.hang_up = {};
    client.socket = UniqueFd();
  }
}

void Supervisor::finish() {
  new_clients_ = {};
  const auto end = Clock::now() + std::chrono::seconds(2);
  const auto signals = loop_.when_readable(signals_.fd(), [this] {
    (void)signals_.take();
    reap_workers();
  });
  const auto busy = [&] {
    return std::ranges::any_of(clients_,
                               [](const Client& client) { return client.worker.process != 0 && client.left_at; });
  };
  loop_.run_once(std::chrono::milliseconds(0));  // a client that has just exited may not have been seen to hang up yet
  while (busy() && Clock::now() < end) loop_.run_once(std::chrono::milliseconds(100));
  for (const Spare& spare : spares_) {
    ::kill(spare.worker.process, SIGKILL);
    (void)platform::wait_for_child(spare.worker.process);
  }
  spares_.clear();
  for (Client& client : clients_) {
    if (client.worker.process == 0) continue;
    ::kill(client.worker.process, SIGKILL);
    (void)platform::wait_for_child(client.worker.process);
    lose(client);
  }
  clients_.clear();
}

}  // namespace hesper::supervisor
