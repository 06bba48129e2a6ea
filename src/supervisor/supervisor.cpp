// Supervisor: the loop, and the life of a client in it: served, left (its worker gets a grace time), gone; or served,
// its worker died, ended.
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

// A spare worker that was taken is replaced when its client has had a moment to itself.
constexpr auto kSpareDelay = std::chrono::milliseconds(100);

std::string describe(std::size_t number, std::optional<pid_t> process) {
  return process ? fmt::format("client {} (process {})", number, *process) : fmt::format("client {}", number);
}

}  // namespace

Result<Supervisor> Supervisor::create(const platform::Listener& listener, platform::SignalPipe& signals,
                                      WorkerProgram worker, Limits limits) {
  auto lifeline = platform::create_pipe();
  if (!lifeline) return std::unexpected(std::move(lifeline.error()));
  return Supervisor(listener, signals, std::move(worker), limits, std::move(*lifeline));
}

int Supervisor::run(const OnSignals& on_signals) {
  std::vector<pollfd> polled;
  for (;;) {
    start_spares();
    poll_once(polled);
    if (const auto received = signals_.take(); !received.empty()) {
      reap_workers();
      if (const auto status = on_signals(received)) {
        finish();
        return *status;
      }
    }
    kill_late_workers();
    std::erase_if(clients_, [](const Client& client) { return client.worker == 0; });
  }
}

// Waits for events and handles those of listener and clients; the caller takes the signals.
void Supervisor::poll_once(std::vector<pollfd>& polled) {
  const auto now = Clock::now();
  if (accept_again_at_ && *accept_again_at_ <= now) accept_again_at_.reset();
  const bool accepting = clients_.size() < limits_.max_clients && !accept_again_at_;

  polled.clear();
  polled.push_back({.fd = signals_.fd(), .events = POLLIN, .revents = 0});
  polled.push_back({.fd = accepting ? listener_.fd() : -1, .events = POLLIN, .revents = 0});
  for (const Client& client : clients_) {
    // What the client sends is its worker's to read; only its hang-up matters here (POLLHUP, which is always told).
    // poll() skips negative fds.
    polled.push_back({.fd = client.left_at ? -1 : client.socket.get(), .events = 0, .revents = 0});
  }

  int timeout = -1;
  if (const auto deadline = next_deadline()) {
    const auto wait = std::chrono::ceil<std::chrono::milliseconds>(*deadline - now).count();
    timeout = static_cast<int>(std::max<decltype(wait)>(wait, 0));
  }
  if (::poll(polled.data(), static_cast<nfds_t>(polled.size()), timeout) <= 0) return;

  for (std::size_t i = 0; i < clients_.size(); ++i)
    if (polled[i + 2].revents != 0) clients_[i].left_at = Clock::now();
  if ((polled[1].revents & POLLIN) != 0) accept_clients();
}

std::optional<Supervisor::Clock::time_point> Supervisor::next_deadline() const {
  std::optional<Clock::time_point> first = accept_again_at_;
  if (spares_.size() < limits_.spare_workers) first = std::min(first.value_or(start_spares_at_), start_spares_at_);
  for (const Client& client : clients_) {
    if (!client.left_at) continue;
    const auto deadline = *client.left_at + kWorkerGrace;
    first = std::min(first.value_or(deadline), deadline);
  }
  return first;
}

void Supervisor::accept_clients() {
  while (clients_.size() < limits_.max_clients) {
    auto socket = listener_.accept();
    if (!socket) {
      const int error = socket.error().code;
      if (error == EAGAIN || error == EWOULDBLOCK) return;
      if (error == EINTR || error == ECONNABORTED) continue;
      log::error("{}", socket.error().message);
      accept_again_at_ = Clock::now() + std::chrono::seconds(1);
      return;
    }
    Client client{.number = ++last_number_,
                  .process = platform::peer_process(socket->get()),
                  .socket = std::move(*socket),
                  .worker = 0,
                  .left_at = std::nullopt};
    log::debug("{} connects.", describe(client.number, client.process));
    if (auto worker = find_worker_for(client)) {
      client.worker = *worker;
      clients_.push_back(std::move(client));
    } else {
      log::error("{} cannot be served: {}", describe(client.number, client.process), worker.error().message);
      end_client(client);
    }
  }
  log::info("{} clients are connected, the limit (--max-clients). Others wait until one leaves.", limits_.max_clients);
}

void Supervisor::start_spares() {
  while (spares_.size() < limits_.spare_workers && Clock::now() >= start_spares_at_) {
    auto pair = platform::create_socket_pair();
    auto worker = pair ? start_worker(pair->second.get(), true, "spare worker") : std::unexpected(pair.error());
    if (!worker) {
      // The next client's own worker will fail likewise, and then it is worth an error.
      log::debug("No spare worker: {}", worker.error().message);
      limits_.spare_workers = 0;
      return;
    }
    spares_.push_back({.worker = *worker, .control = std::move(pair->first)});
  }
}

Result<pid_t> Supervisor::find_worker_for(const Client& client) {
  while (!spares_.empty()) {
    const Spare spare = std::move(spares_.front());
    spares_.erase(spares_.begin());
    start_spares_at_ = Clock::now() + kSpareDelay;
    const SpareOrder order{.client = client.number};
    if (platform::send_all(spare.control.get(), std::as_bytes(std::span(&order, 1))) &&
        platform::send_fd(spare.control.get(), client.socket.get()))
      return spare.worker;
    ::kill(spare.worker, SIGKILL);  // it was dying
    (void)platform::wait_for_child(spare.worker);
  }
  return start_worker(client.socket.get(), false, fmt::format("client {}", client.number));
}

Result<pid_t> Supervisor::start_worker(int socket, bool spare, const std::string& name) {
  const UniqueFd nothing(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  platform::SpawnOptions spawn{
      .program = worker_.path.native(),
      .arguments = {worker_.path.native(), "--vtest-fd", std::to_string(kWorkerSocket), "--lifeline-fd",
                    std::to_string(kWorkerLifeline), "--name", name},
      .environment = worker_.environment,
      // What a driver prints must not end up in the output of the client's program, nor its input in a driver.
      .fds = {{.fd = nothing.get(), .number = STDIN_FILENO},
              {.fd = STDERR_FILENO, .number = STDOUT_FILENO},
              {.fd = socket, .number = kWorkerSocket},
              {.fd = lifeline_.read_end.get(), .number = kWorkerLifeline}},
      // Ctrl-C is for the program; the worker ends when the program does.
      .new_session = true,
  };
  if (spare) spawn.arguments.emplace_back("--spare");
  spawn.arguments.insert(spawn.arguments.end(), worker_.options.begin(), worker_.options.end());
  // What the system refuses to the sandbox, it refuses to all workers alike; the first one says it.
  if (std::exchange(first_worker_started_, true)) spawn.arguments.emplace_back("--sandbox-told");
  return platform::spawn(spawn);
}

// True if it has ended.
bool Supervisor::reap_spare(Spare& spare) {
  const auto state = platform::check_child(spare.worker);
  const bool killed = state.kind == platform::ChildState::Kind::killed;
  if (!killed && state.kind != platform::ChildState::Kind::exited) return false;
  // No replacement: it would most likely end like this one. The next client's own worker tells what is wrong.
  log::debug("A spare worker ends ({} {}); clients get theirs when they come.", killed ? "signal" : "status",
             state.value);
  limits_.spare_workers = 0;
  return true;
}

void Supervisor::reap_workers() {
  std::erase_if(spares_, [this](Spare& spare) { return reap_spare(spare); });
  for (Client& client : clients_) {
    if (client.worker == 0) continue;
    const auto state = platform::check_child(client.worker);
    const bool killed = state.kind == platform::ChildState::Kind::killed;
    if (!killed && state.kind != platform::ChildState::Kind::exited) continue;
    const pid_t worker = std::exchange(client.worker, 0);
    if (killed)
      log::error("The worker of {}, process {}, ended by signal {} ({}). Other clients are not affected.",
                 describe(client.number, client.process), worker, state.value, ::strsignal(state.value));
    if (killed || WorkerExit{state.value} != WorkerExit::client_left) end_client(client);
  }
}

void Supervisor::kill_late_workers() {
  const auto now = Clock::now();
  for (Client& client : clients_) {
    if (client.worker == 0 || !client.left_at || *client.left_at + kWorkerGrace > now) continue;
    log::warn("The worker of {} does not end although its client has left; it is killed.",
              describe(client.number, client.process));
    ::kill(client.worker, SIGKILL);
    client.left_at = now;  // in case it cannot even be killed at once: a driver in the kernel
  }
}

// Ends a client whose worker is gone. A Venus client whose read() finds an end of file tries again for ever at full
// CPU, so a plain close would be the worst. A client that waits for a reply gets zeros instead: where the reply should
// carry an fd it aborts, all other replies then say "no" or 0. The next thing it does is a request of its own, and
// writing to the closed socket ends it. Has it left requests unread, the close resets the connection, with the same
// end. A client that waits for its ring instead notices by the ring's watchdog.
void Supervisor::end_client(Client& client) {
  constexpr std::array<std::byte, 1024> kZeros{};  // more than the longest reply
  (void)platform::send_all(client.socket.get(), kZeros);
  client.socket = UniqueFd();
}

void Supervisor::finish() {
  // A client that has just exited may not have been seen to hang up yet.
  const auto end = Clock::now() + std::chrono::seconds(2);
  const auto busy = [&] {
    return std::ranges::any_of(clients_, [](const Client& client) {
      pollfd state{.fd = client.socket.get(), .events = 0, .revents = 0};
      return client.worker != 0 && ::poll(&state, 1, 0) > 0;
    });
  };
  while (busy() && Clock::now() < end) {
    pollfd wake{.fd = signals_.fd(), .events = POLLIN, .revents = 0};
    ::poll(&wake, 1, 100);
    (void)signals_.take();
    reap_workers();
  }
  for (const Spare& spare : spares_) {
    ::kill(spare.worker, SIGKILL);
    (void)platform::wait_for_child(spare.worker);
  }
  spares_.clear();
  for (Client& client : clients_) {
    if (client.worker == 0) continue;
    ::kill(client.worker, SIGKILL);
    (void)platform::wait_for_child(client.worker);
    end_client(client);
  }
  clients_.clear();
}

}  // namespace hesper::supervisor
