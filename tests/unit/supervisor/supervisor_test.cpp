// Supervisor: with shell scripts as workers, so that each way in which a worker can end is one line.
#include "supervisor/supervisor.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <fstream>
#include <string>
#include <thread>

#include "support/temporary_directory.h"

namespace hesper::supervisor {
namespace {

constexpr const char* kReadsUntilItsClientLeaves = "exec cat <&3 >/dev/null";

std::size_t open_fds() {
  std::size_t count = 0;
  for (int fd = 0; fd < 1024; ++fd)
    if (::fcntl(fd, F_GETFD) != -1) ++count;
  return count;
}

rlim_t next_fd() {
  const UniqueFd fd(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  return static_cast<rlim_t>(fd.get());
}

// Of this whole process.
std::chrono::nanoseconds processor_time() {
  timespec now{};
  EXPECT_EQ(::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now), 0);
  return std::chrono::seconds(now.tv_sec) + std::chrono::nanoseconds(now.tv_nsec);
}

// poll() on one fd; the SIGCHLDs that the supervisor lives on interrupt it.
bool poll_for(const UniqueFd& fd, short events, int milliseconds) {
  pollfd state{.fd = fd.get(), .events = events, .revents = 0};
  int result = -1;
  while ((result = ::poll(&state, 1, milliseconds)) < 0 && errno == EINTR) {
  }
  return result == 1;
}

class SupervisorTest : public testing::Test {
 protected:
  // Serves with `script` as the worker until stop().
  void serve(const std::string& script, std::size_t max_clients = 16, std::size_t spares = 0,
             std::chrono::milliseconds spare_retry = std::chrono::hours(1)) {
    const auto worker = directory_.write("worker", "#!/bin/sh\n" + script + "\n");
    std::filesystem::permissions(worker, std::filesystem::perms::owner_all);
    platform::ignore_broken_pipes();
    signals_.emplace(std::move(*platform::SignalPipe::install(std::array{SIGCHLD, SIGUSR1})));
    listener_.emplace(std::move(*platform::Listener::at(directory_.path() / "socket")));
    loop_ = *platform::EventLoop::create();
    supervisor_ = *Supervisor::create(
        *loop_, *signals_,
        {.path = worker, .options = {}, .environment = {"PATH=/usr/bin:/bin"}, .capture = {}, .door = door_},
        {.max_clients = max_clients, .spare_workers = spares, .spare_retry = spare_retry});
    supervisor_->accept_from(*listener_);
    thread_ = std::thread([this] {
      status_ = supervisor_->run([](std::span<const platform::ReceivedSignal> received) {
        for (const auto& signal : received)
          if (signal.number == SIGUSR1) return std::optional(5);
        return std::optional<int>();
      });
    });
  }

  int stop() {
    ::kill(::getpid(), SIGUSR1);
    thread_.join();
    supervisor_.reset();
    loop_.reset();
    listener_.reset();
    signals_.reset();
    return status_.load();
  }

  ~SupervisorTest() override {
    if (thread_.joinable()) (void)stop();
  }

  UniqueFd connect() {
    auto socket = platform::connect_to(listener_->path());
    return socket ? std::move(*socket) : UniqueFd();
  }

  // What the server sends until it hangs up.
  static std::string read_all(const UniqueFd& socket) {
    std::string result;
    std::array<char, 4096> buffer{};
    for (;;) {
      if (!poll_for(socket, POLLIN, 20'000)) return "timeout";
      const ssize_t got = ::read(socket.get(), buffer.data(), buffer.size());
      if (got <= 0) return result;
      result.append(buffer.data(), static_cast<std::size_t>(got));
    }
  }

  // Within 20 seconds and a client's time, with kTellsHowItStarted. Clients get a cold worker until then, which is
  // quick: hundreds may come before the supervisor even means to start a spare one.
  bool a_spare_worker_comes() {
    for (int i = 0; i < 400; ++i) {
      if (read_all(connect()) == "spare") return true;
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
    return false;
  }

  static bool hangs_up(const UniqueFd& socket, int milliseconds) { return poll_for(socket, 0, milliseconds); }

  test::TemporaryDirectory directory_;
  std::optional<platform::SignalPipe> signals_;
  std::optional<platform::Listener> listener_;
  std::unique_ptr<platform::EventLoop> loop_;
  std::unique_ptr<Supervisor> supervisor_;
  Door door_ = Door::vtest;
  std::thread thread_;
  std::atomic<int> status_ = -1;
};

TEST_F(SupervisorTest, GivesEachClientAWorkerWithItsSocket) {
  serve("echo $$ >&3");
  const UniqueFd one = connect();
  const UniqueFd other = connect();
  const std::string first = read_all(one);
  const std::string second = read_all(other);
  EXPECT_NE(std::atoi(first.c_str()), 0);
  EXPECT_NE(first, second);
}

TEST_F(SupervisorTest, PassesOnTheStatusOfItsEnd) {
  serve(kReadsUntilItsClientLeaves);
  EXPECT_EQ(stop(), 5);
}

TEST_F(SupervisorTest, AClientWhoseWorkerEndsWellJustGoes) {
  serve("exit 0");
  EXPECT_EQ(read_all(connect()), "");
}

TEST_F(SupervisorTest, AClientWhoseWorkerDiesGetsZerosBeforeTheEnd) {
  for (const char* script : {"kill -SEGV $$", "exit 2"}) {
    serve(script);
    const std::string reply = read_all(connect());
    EXPECT_GE(reply.size(), 172u) << script << ": the longest reply, the capset's, has 172 bytes.";
    EXPECT_EQ(reply.find_first_not_of('\0'), std::string::npos) << script;
    EXPECT_EQ(stop(), 5);
  }
}

TEST_F(SupervisorTest, AStoppedWorkerIsKilledAndItsClientEnded) {
  serve("kill -STOP $$");
  EXPECT_GE(read_all(connect()).size(), 172u);
}

TEST_F(SupervisorTest, AWorkerThatIsContinuedInTimeLives) {
  serve("(sleep 0.2; kill -CONT $$) & kill -STOP $$; sleep 1.2; echo lives >&3");
  EXPECT_EQ(read_all(connect()), "lives\n");
}

TEST_F(SupervisorTest, WithoutFdsAClientWaitsOrIsRefusedAndLaterOnesAreServed) {
  serve("echo served >&3");
  EXPECT_EQ(read_all(connect()), "served\n");
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  for (const rlim_t spare : {1U, 2U, 3U, 4U, 5U}) {  // one is the client's own
    const rlimit low{.rlim_cur = next_fd() + spare, .rlim_max = before.rlim_max};
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &low), 0);
    const UniqueFd client = connect();
    ::poll(nullptr, 0, 200);
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
    const std::string answer = read_all(client);
    EXPECT_TRUE(answer == "served\n" || answer.size() >= 172) << spare << ": " << answer;
  }
  EXPECT_EQ(read_all(connect()), "served\n");
}

TEST_F(SupervisorTest, WithoutFdsItDoesNotSpin) {
  serve("echo served >&3");
  EXPECT_EQ(read_all(connect()), "served\n");
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  const rlimit low{.rlim_cur = next_fd() + 1, .rlim_max = before.rlim_max};  // for the client's own
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &low), 0);
  const UniqueFd client = connect();
  const auto start = processor_time();
  ::poll(nullptr, 0, 500);
  const auto used = processor_time() - start;
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
  EXPECT_LT(used, std::chrono::milliseconds(100)) << "The connection that waits makes accept() go round in circles.";
  EXPECT_EQ(read_all(client), "served\n");
}

TEST_F(SupervisorTest, AWorkerThatCannotStartEndsItsClient) {
  serve("exit 0");
  std::filesystem::remove(directory_.path() / "worker");
  EXPECT_GE(read_all(connect()).size(), 172u);
}

TEST_F(SupervisorTest, OtherClientsDoNotNoticeADeath) {
  serve(R"(read -r word <&3; [ "$word" = die ] && kill -KILL $$; echo "$word" >&3)");
  const UniqueFd victim = connect();
  const UniqueFd other = connect();
  const std::string die = "die\n";
  const std::string live = "live\n";
  EXPECT_TRUE(platform::send_all(victim.get(), std::as_bytes(std::span(die))));
  EXPECT_GE(read_all(victim).size(), 172u);
  EXPECT_FALSE(hangs_up(other, 50));
  EXPECT_TRUE(platform::send_all(other.get(), std::as_bytes(std::span(live))));
  EXPECT_EQ(read_all(other), live);
}

TEST_F(SupervisorTest, MoreClientsThanTheLimitWaitTheirTurn) {
  serve("echo served >&3; " + std::string(kReadsUntilItsClientLeaves), 1);
  UniqueFd first = connect();
  const UniqueFd second = connect();
  EXPECT_TRUE(poll_for(first, POLLIN, 20'000));
  EXPECT_FALSE(poll_for(second, POLLIN, 100)) << "The second client is served although the limit is 1.";
  first = UniqueFd();
  EXPECT_TRUE(poll_for(second, POLLIN, 20'000));
}

// As a spare worker it says "spare" to the client it is handed, otherwise "cold".
constexpr const char* kTellsHowItStarted = R"(
case "$*" in
  *--spare*) exec python3 -c '
import os, socket
control = socket.socket(fileno=3)
assert len(control.recv(8, socket.MSG_WAITALL)) == 8
os.write(socket.recv_fds(control, 1, 1)[1][0], b"spare")' ;;
esac
printf cold >&3)";

TEST_F(SupervisorTest, ASpareWorkerTakesTheNextClientAndIsReplaced) {
  serve(kTellsHowItStarted, 16, 1);
  EXPECT_EQ(read_all(connect()), "spare");
  EXPECT_TRUE(a_spare_worker_comes());
}

TEST_F(SupervisorTest, WithoutASpareWorkerClientsGetACold) {
  serve(kTellsHowItStarted, 16, 0);
  EXPECT_EQ(read_all(connect()), "cold");
}

TEST_F(SupervisorTest, ASpareWorkerThatEndsIsNotReplacedAtOnce) {
  serve(R"(case "$*" in *--spare*) echo $$ >> "$0.spares"; exit 1 ;; esac; printf cold >&3)", 16, 1);
  // Until the supervisor has reaped it, a client could be handed to it while it dies, which would count as its use.
  const auto spares = directory_.path() / "worker.spares";
  pid_t spare = 0;
  for (int i = 0; i < 20'000 && (spare == 0 || ::kill(spare, 0) == 0); ++i) {
    if (spare == 0) std::ifstream(spares) >> spare;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  for (int i = 0; i < 5; ++i) EXPECT_EQ(read_all(connect()), "cold");
  EXPECT_EQ(std::filesystem::file_size(spares), std::to_string(spare).size() + 1) << "One line for each.";
}

TEST_F(SupervisorTest, SpareWorkersComeAgainAfterSomeThatEnded) {
  const std::string three_end = R"sh(case "$*" in *--spare*)
    echo >> "$0.spares"
    [ "$(wc -l < "$0.spares")" -gt 3 ] || exit 1 ;;
esac
)sh";
  serve(three_end + kTellsHowItStarted, 16, 1, std::chrono::milliseconds(5));
  EXPECT_TRUE(a_spare_worker_comes());
}

TEST_F(SupervisorTest, ItsEndEndsTheClientsThatAreLeft) {
  serve(kReadsUntilItsClientLeaves);
  const UniqueFd client = connect();
  EXPECT_FALSE(hangs_up(client, 200));
  (void)stop();
  EXPECT_TRUE(hangs_up(client, 0));
}

TEST_F(SupervisorTest, ClientsInARowLeaveNoFdBehind) {
  serve("exit 0");
  (void)read_all(connect());
  const std::size_t before = open_fds();
  for (int i = 0; i < 50; ++i) ASSERT_EQ(read_all(connect()), "");
  EXPECT_EQ(open_fds(), before);
}

TEST_F(SupervisorTest, WorkersDoNotShareOurTerminalsGroup) {
  serve("ps -o sid= -p $$ >&3 2>/dev/null || cut -d' ' -f6 /proc/$$/stat >&3");
  EXPECT_NE(std::atoi(read_all(connect()).c_str()), ::getsid(0));
}

class SupervisorOfContexts : public SupervisorTest {
 protected:
  // What the device has of a context: the link and the life.
  using Ends = std::pair<UniqueFd, UniqueFd>;

  SupervisorOfContexts() { door_ = Door::link; }

  Ends serve_context() {
    auto link = *platform::create_socket_pair();
    auto life = *platform::create_socket_pair();
    loop_->post([this, &link, &life] {
      supervisor_->serve({.id = 7, .name = "vkcube", .link = std::move(link.second), .life = std::move(life.second)});
    });
    // The fds that went over are the supervisor's when it has run that.
    std::atomic<bool> served = false;
    loop_->post([&] { served = true; });
    while (!served) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    return {std::move(link.first), std::move(life.first)};
  }
};

TEST_F(SupervisorOfContexts, AContextGetsAWorkerWithItsLink) {
  serve("echo \"$*\" >&3");
  const Ends ends = serve_context();
  const std::string arguments = read_all(ends.first);
  EXPECT_NE(arguments.find("--link-fd 3"), std::string::npos) << arguments;
  EXPECT_NE(arguments.find("--name context 7"), std::string::npos) << arguments;
  EXPECT_TRUE(hangs_up(ends.second, 20'000));
}

TEST_F(SupervisorOfContexts, ItsLifeEndsWhenTheWorkerIsDeadAndNotBefore) {
  serve("exec 3>&-; read -r line </dev/null; sleep 0.5; kill -SEGV $$");
  const Ends ends = serve_context();
  EXPECT_EQ(read_all(ends.first), "") << "The worker closes the link,";
  EXPECT_FALSE(hangs_up(ends.second, 100)) << "which is not its death.";
  EXPECT_TRUE(hangs_up(ends.second, 20'000));
}

TEST_F(SupervisorOfContexts, TheEndOfItsLifeKillsTheWorker) {
  serve("trap '' TERM HUP; while :; do sleep 1; done");
  const Ends ends = serve_context();
  EXPECT_FALSE(hangs_up(ends.second, 200));
  platform::end_sending(ends.second.get());
  EXPECT_TRUE(hangs_up(ends.second, 20'000));
  EXPECT_EQ(read_all(ends.first), "") << "Nobody but the worker has the link.";
}

TEST_F(SupervisorOfContexts, OneBeyondTheLimitIsClosed) {
  serve(kReadsUntilItsClientLeaves, 1);
  const Ends first = serve_context();
  const Ends second = serve_context();
  EXPECT_TRUE(hangs_up(second.second, 20'000));
  EXPECT_FALSE(hangs_up(first.second, 100));
}

TEST_F(SupervisorOfContexts, AWorkerThatCannotStartEndsItsContext) {
  serve("exit 0");
  std::filesystem::remove(directory_.path() / "worker");
  EXPECT_TRUE(hangs_up(serve_context().second, 20'000));
}

TEST_F(SupervisorOfContexts, ItsEndEndsThem) {
  serve(kReadsUntilItsClientLeaves);
  const Ends ends = serve_context();
  EXPECT_EQ(stop(), 5);
  EXPECT_TRUE(hangs_up(ends.second, 0));
}

TEST_F(SupervisorOfContexts, ContextsInARowLeaveNoFdBehind) {
  serve("exit 0");
  EXPECT_TRUE(hangs_up(serve_context().second, 20'000));
  const std::size_t before = open_fds();
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(hangs_up(serve_context().second, 20'000));
  EXPECT_EQ(open_fds(), before);
}

}  // namespace
}  // namespace hesper::supervisor
