// Supervisor: gives each client a worker process, sees to it that neither outlives the other, and ends workers that do
// not get on. Reads nothing of what clients send.
//
// One thread and one loop: a client costs two fds here, whatever it does. Clients of the vtest door are accepted from a
// listening socket. The supervisor keeps a copy of such a client's socket while the worker has it: if the worker dies,
// the connection does not close, and the client is ended in a way that it notices (see lose()). Contexts of a virtual
// machine are handed over one by one, each with a socket whose end tells of its worker's death.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstddef>
#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/unique_fd.h"
#include "platform/event_loop.h"
#include "platform/pipe.h"
#include "platform/shared_memory.h"
#include "platform/signals.h"
#include "platform/socket.h"
#include "supervisor/capture_files.h"
#include "supervisor/last_will.h"
#include "supervisor/watchdog.h"
#include "supervisor/worker_program.h"

namespace hesper::supervisor {

struct Limits {
  std::size_t max_clients = 256;  // further clients wait in the listener's queue until one leaves
  // Workers that are started ahead of their clients, so that a client need not wait for the host's driver to load.
  // None while captures are made.
  std::size_t spare_workers = 1;
  // After a spare worker ended by itself, or could not be started, the next one comes so much later, and each further
  // one twice as late, up to kLongestSpareRetry: a driver that cannot start must not keep the host busy.
  std::chrono::milliseconds spare_retry{1000};
  std::chrono::milliseconds watchdog{10000};  // see watchdog.h; 0: workers may hang or be stopped for ever
};

inline constexpr int kLongestSpareRetry = 64;  // times Limits::spare_retry

// A context of a virtual machine, which wants a worker of Door::link.
struct GuestContext {
  std::uint32_t id = 0;  // for log lines
  std::string name;      // likewise; printable
  UniqueFd link;         // for the worker
  // Closed when the worker is dead, and not before. When the other end stops sending, the worker is killed.
  UniqueFd life;
};

class Supervisor {
 public:
  // loop and signals: borrowed for its whole life. signals must take SIGCHLD.
  // Errors: also, the capture file of the first client cannot be made.
  [[nodiscard]] static Result<std::unique_ptr<Supervisor>> create(platform::EventLoop& loop,
                                                                  platform::SignalPipe& signals, WorkerProgram worker,
                                                                  Limits limits);
  Supervisor(const Supervisor&) = delete;
  Supervisor& operator=(const Supervisor&) = delete;

  // Serves the clients that connect there, if the workers' door is vtest. listener: borrowed for the whole life.
  void accept_from(const platform::Listener& listener) noexcept { listener_ = &listener; }
  // Serves a context of a virtual machine, if it is link. One that cannot be served is logged and closed.
  void serve(GuestContext context);

  // Serves until on_signals, which is called whenever signals came, returns an exit status. Then gives the workers
  // whose clients have left a moment to end, and ends the others.
  using OnSignals = std::function<std::optional<int>(std::span<const platform::ReceivedSignal>)>;
  [[nodiscard]] int run(const OnSignals& on_signals);

 private:
  using Clock = std::chrono::steady_clock;

  struct Worker {
    pid_t process = 0;  // 0: it has ended
    platform::Mapping record;
    LastWill will;
  };

  struct Spare {
    Worker worker;
    UniqueFd control;
  };

  struct Client {
    std::string description;  // for log lines: "client 3 (process 812)"
    // Its connection; of a context, what tells of its worker's death. Closed once the client hung up, or nothing more
    // can be done to end it.
    UniqueFd socket;
    Worker worker;
    std::optional<Watchdog> watchdog;
    std::optional<Clock::time_point> stopped_at;  // the worker does not run, by SIGSTOP
    std::optional<Clock::time_point> left_at;     // the client hung up, its worker has yet to end
    std::optional<Clock::time_point> lost_at;     // the worker died or is being killed, the client has yet to end
    int signals_sent = 0;                         // to the client
    platform::EventLoop::Watch hang_up;
    platform::EventLoop::Watch wishes;
  };

  Supervisor(platform::EventLoop& loop, platform::SignalPipe& signals, WorkerProgram worker, Limits limits,
             platform::Pipe lifeline, std::optional<CaptureFiles> captures) noexcept
      : loop_(loop),
        signals_(signals),
        worker_(std::move(worker)),
        limits_(limits),
        lifeline_(std::move(lifeline)),
        captures_(std::move(captures)) {}

  void wait();
  [[nodiscard]] std::optional<Clock::time_point> next_deadline() const;
  void accept_clients();
  // number: for log lines. link: its connection.
  [[nodiscard]] Result<void> start_serving(Client client, std::size_t number, int connection);
  void on_hang_up(Client& client);
  // socket: the client's connection, or of a spare worker its control socket.
  [[nodiscard]] Result<Worker> start_worker(int socket, bool spare, const std::string& name);
  [[nodiscard]] Result<Worker> find_worker_for(std::size_t number, int connection);
  void start_spares();
  bool reap_spare(Spare& spare);
  void put_off_spares();
  void reap_workers();
  void kill_late_workers();
  void watch_workers();
  void kill_worker(Client& client, std::string_view reason);
  void lose(Client& client);
  void refuse(Client& client);
  void end_lost_clients();
  void finish();

  platform::EventLoop& loop_;
  platform::SignalPipe& signals_;
  const platform::Listener* listener_ = nullptr;
  WorkerProgram worker_;
  Limits limits_;
  platform::Pipe lifeline_;
  std::optional<CaptureFiles> captures_;
  std::size_t last_number_ = 0;
  bool first_worker_started_ = false;
  std::optional<Clock::time_point> watch_at_;         // none: nobody is to be watched
  std::optional<Clock::time_point> accept_again_at_;  // accept() failed, out of fds most likely
  std::vector<Spare> spares_;
  Clock::time_point start_spares_at_{};
  int spare_retry_ = 1;  // times Limits::spare_retry
  std::list<Client> clients_;
  platform::EventLoop::Watch new_clients_;
};

}  // namespace hesper::supervisor
