// Errands: a fork, and a socket pair for each of them. A question is a number, an answer has one size.
#include "platform/errands.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <mutex>
#include <span>
#include <thread>
#include <utility>

#include "platform/process.h"
#include "platform/socket.h"
#include "platform/thread.h"

namespace hesper::platform {
namespace {

struct Question {
  std::uint32_t ends = 0;  // 1: no more questions follow, and the number does not count
  std::uint32_t number = 0;
};

struct Answer {
  std::int32_t failed = 0;  // 1: the text is an error's
  std::int32_t code = 0;    // of the error
  std::uint32_t size = 0;   // of the text
  std::array<char, kMostErrandText> text{};
};

template <class T>
std::span<std::byte> bytes_of(T& message) {
  return std::as_writable_bytes(std::span(&message, 1));
}

bool answer(int socket, const Result<Brought>& brought) {
  Answer answer;
  const std::string& text = brought ? brought->text : brought.error().message;
  answer.failed = brought ? 0 : 1;
  answer.code = brought ? 0 : brought.error().code;
  answer.size = static_cast<std::uint32_t>(std::min(text.size(), answer.text.size()));
  std::memcpy(answer.text.data(), text.data(), answer.size);
  return send_message(socket, bytes_of(answer), brought ? brought->fd.get() : -1);
}

void close_all_but(std::span<const int> kept) {
  std::vector<int> others;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator("/dev/fd", error)) {
    const std::string name = entry.path().filename().native();
    int fd = -1;
    std::from_chars(name.data(), name.data() + name.size(), fd);
    if (!std::ranges::contains(kept, fd)) others.push_back(fd);
  }
  for (const int fd : others) ::close(fd);  // that of the folder has been closed by now
}

// Until there are no more. True: we were told so.
bool serve_one(int socket, const Errand& errand) {
  for (;;) {
    Question question;
    if (receive_exactly(socket, bytes_of(question)) != Received::all) return false;
    if (question.ends != 0) return true;
    if (!answer(socket, errand(question.number))) return false;
  }
}

}  // namespace

struct Errands::Kind {
  Errand errand;
  std::mutex mutex;  // of the socket; held while an answer is waited for
  UniqueFd socket;   // none: it is done here
  UniqueFd other;    // the other process's end

  Result<Brought> ask(std::uint32_t number) {
    const std::lock_guard lock(mutex);
    if (!socket) return errand(number);
    Question question{.number = number};
    Answer answer;
    std::size_t size = 0;
    Brought brought;
    if (wait_and_send(socket.get(), bytes_of(question))) {
      while (size < sizeof(answer)) {
        auto part = wait_for_part(socket.get(), bytes_of(answer).subspan(size), 1);
        if (part.closed) break;
        size += part.size;
        if (!part.fds.empty()) brought.fd = std::move(part.fds.front());
      }
    }
    if (size != sizeof(answer) || answer.size > answer.text.size())
      return fail("The process beside this one that opens what it cannot reach itself is gone.", ECHILD);
    brought.text.assign(answer.text.data(), answer.size);
    if (answer.failed != 0) return fail(std::move(brought.text), answer.code);
    return brought;
  }
};

Errands::Errands() = default;

Errands::~Errands() {
  if (process_ < 0) return;
  for (auto& kind : kinds_) {
    Question end{.ends = 1};
    (void)send_all(kind->socket.get(), bytes_of(end));
    kind->socket = UniqueFd();
  }
  (void)wait_for_child(process_);
}

Errand Errands::add(Errand errand) {
  kinds_.push_back(std::make_unique<Kind>());
  kinds_.back()->errand = std::move(errand);
  return [kind = kinds_.back().get()](std::uint32_t number) { return kind->ask(number); };
}

Result<void> Errands::begin() {
  for (auto& kind : kinds_) {
    auto pair = create_socket_pair();
    if (!pair) return std::unexpected(std::move(pair.error()));
    kind->socket = std::move(pair->first);
    kind->other = std::move(pair->second);
  }
  process_ = ::fork();
  if (process_ < 0) return fail_errno("Starting a process beside this one fails", errno);
  if (process_ == 0) serve();
  for (auto& kind : kinds_) {
    kind->other = UniqueFd();
    kind->errand = {};
  }
  return {};
}

void Errands::serve() {
  // It ends with the other one, not with what a terminal tells both.
  for (const int number : {SIGHUP, SIGINT, SIGQUIT, SIGTERM}) ::signal(number, SIG_IGN);
  std::vector<int> kept = {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO};
  for (const auto& kind : kinds_) kept.push_back(kind->other.get());
  close_all_but(kept);

  std::vector<std::thread> threads;
  std::atomic<bool> orderly = true;
  for (const auto& kind : kinds_)
    threads.emplace_back([&orderly, kind = kind.get()] {
      name_thread("errand");
      if (!serve_one(kind->other.get(), kind->errand)) orderly = false;
    });
  for (std::thread& thread : threads) thread.join();
  if (orderly)
    for (const auto& kind : kinds_) kind->errand = {};
  std::_Exit(0);
}

}  // namespace hesper::platform
