// AgentClipboard: the connection, on a thread of its own, and who listens.
#include "clipboard/agent_clipboard.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "base/log.h"
#include "base/unique_fd.h"
#include "clipboard/text.h"
#include "platform/event_loop.h"
#include "platform/socket.h"
#include "platform/thread.h"

namespace hesper::clipboard {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

constexpr Clock::duration kFirstPause = 1s;
constexpr Clock::duration kLongestPause = 60s;
constexpr auto kGoodFor = 60s;  // a connection after which the pauses begin from the start

}  // namespace

// Whom a viewer has asked to tell.
class AgentClipboard::Member {
 public:
  explicit Member(Listener listener) noexcept : listener_(std::move(listener)) {}
  void tell(Ways ways) {
    const std::lock_guard lock(mutex_);
    if (listener_.on_ways) listener_.on_ways(ways);
  }
  void tell(const Text& text) {
    const std::lock_guard lock(mutex_);
    if (listener_.on_text) listener_.on_text(text);
  }
  void silence() {
    const std::lock_guard lock(mutex_);
    listener_ = {};
  }

 private:
  std::mutex mutex_;  // held while the listener is called
  Listener listener_;
};

class AgentClipboard::Worker {
 public:
  Worker(std::unique_ptr<platform::EventLoop> loop, Connect open, const AgentSession::Options& options)
      : loop_(std::move(loop)), open_(std::move(open)), options_(options), thread_([this] {
          platform::name_thread("clipboard");
          connect();
          loop_->run();
        }) {}
  ~Worker() {
    loop_->stop();
    thread_.join();
  }

  // Any thread, as the next two.
  void add(const std::shared_ptr<Member>& member) {
    loop_->post([this, member] {
      members_.push_back(member);
      member->tell(told_);
    });
  }
  void remove(const std::shared_ptr<Member>& member) {
    member->silence();
    loop_->post([this, member] { std::erase(members_, member); });
  }
  // Only the newest counts, however many come at once.
  void offer(std::string text) {
    if (!options_.to_guest || text.size() > options_.most_bytes || !is_text(text)) return;
    auto plain = std::make_shared<const std::string>(with_lf(text));
    const std::lock_guard lock(mutex_);
    if (std::exchange(offered_, std::move(plain)) != nullptr) return;
    loop_->post([this] { take_offer(); });
  }
  [[nodiscard]] std::size_t most_bytes() const noexcept { return options_.most_bytes; }

 private:
  void take_offer() {
    Text text;
    {
      const std::lock_guard lock(mutex_);
      text = std::exchange(offered_, nullptr);
    }
    if (!session_) {
      ours_ = std::move(text);
      return;
    }
    session_->offer(std::move(text));
    go_on();
  }

  void connect() {
    pause_ = {};
    auto socket = open_();
    if (!socket) {
      retry(kFirstPause);
      return;
    }
    socket_ = std::move(*socket);
    since_ = Clock::now();
    session_.emplace(options_, std::exchange(ours_, nullptr));
    readable_ = loop_->when_readable(socket_.get(), [this] { read(); });
    go_on();
  }

  void retry(Clock::duration pause) {
    pause_ = loop_->at(Clock::now() + pause, [this] { connect(); });
  }

  // why: what makes no sense; empty: the other end has closed.
  void disconnect(const std::string& why) {
    if (!why.empty() && !std::exchange(complained_, true))
      log::warn("The guest's clipboard agent makes no sense, and is tried again later: {} More is not mentioned.", why);
    const auto now = Clock::now();
    if (now - since_ > kGoodFor) next_pause_ = kFirstPause;
    ours_ = session_->ours();
    session_.reset();
    readable_ = {};
    writable_ = {};
    due_ = {};
    due_at_.reset();
    unsent_ = {};
    sent_ = 0;
    socket_ = UniqueFd();
    tell_ways();
    if (why.empty()) return retry(kFirstPause);
    retry(next_pause_);
    next_pause_ = std::min(2 * next_pause_, kLongestPause);
  }

  void read() {
    std::array<std::byte, 16384> bytes;
    const auto part = platform::receive_part(socket_.get(), bytes, 0);
    if (part.closed) return disconnect("");
    if (auto taken = session_->take(std::span(bytes).first(part.size), Clock::now()); !taken)
      return disconnect(taken.error());
    go_on();
  }

  // Sends, tells and waits for what is next.
  void go_on() {
    for (;;) {
      if (sent_ == unsent_.size()) {
        unsent_ = session_->to_send();
        sent_ = 0;
        if (unsent_.empty()) break;
      }
      const auto sent = platform::send_part(socket_.get(), std::span(unsent_).subspan(sent_));
      if (sent.broken) return disconnect("");
      if (sent.size == 0) break;
      sent_ += sent.size;
    }
    // While the agent does not take what it has asked for, nothing more is heard.
    const bool waits = sent_ != unsent_.size();
    if (waits && !writable_) {
      readable_ = {};
      writable_ = loop_->when_writable(socket_.get(), [this] { go_on(); });
    } else if (!waits && writable_) {
      writable_ = {};
      readable_ = loop_->when_readable(socket_.get(), [this] { read(); });
    }
    tell_ways();
    if (const Text text = session_->take_text())
      for (const auto& member : members_) member->tell(text);
    if (due_at_ == session_->due()) return;
    due_at_ = session_->due();
    due_ = {};
    if (due_at_)
      due_ = loop_->at(*due_at_, [this] {
        due_at_.reset();
        session_->on_time(Clock::now());
        go_on();
      });
  }

  void tell_ways() {
    const Ways ways = session_ ? session_->ways() : Ways{};
    if (ways == told_) return;
    told_ = ways;
    log::info(ways == Ways{} ? "The guest has no clipboard agent." : "The guest has a clipboard agent.");
    for (const auto& member : members_) member->tell(ways);
  }

  const std::unique_ptr<platform::EventLoop> loop_;
  const Connect open_;
  const AgentSession::Options options_;

  std::mutex mutex_;  // of the next
  Text offered_;      // and not taken by the thread yet

  // The thread's own.
  std::vector<std::shared_ptr<Member>> members_;
  UniqueFd socket_;
  std::optional<AgentSession> session_;  // as long as there is a connection
  Text ours_;                            // what was offered, while there is none
  std::vector<std::byte> unsent_;
  std::size_t sent_ = 0;  // of unsent_
  Ways told_;
  Clock::time_point since_;
  Clock::duration next_pause_ = kFirstPause;
  bool complained_ = false;
  std::optional<Clock::time_point> due_at_;
  platform::EventLoop::Watch readable_;
  platform::EventLoop::Watch writable_;
  platform::EventLoop::Watch due_;
  platform::EventLoop::Watch pause_;

  std::thread thread_;  // last: it uses all of the above
};

class AgentClipboard::MemberHolder final : public Holder {
 public:
  MemberHolder(Worker& worker, std::shared_ptr<Member> member) : worker_(worker), member_(std::move(member)) {
    worker_.add(member_);
  }
  ~MemberHolder() override { worker_.remove(member_); }
  void offer(std::string text) override { worker_.offer(std::move(text)); }

 private:
  Worker& worker_;
  std::shared_ptr<Member> member_;
};

AgentClipboard::AgentClipboard(std::unique_ptr<Worker> worker) noexcept : worker_(std::move(worker)) {}
AgentClipboard::~AgentClipboard() = default;

Result<std::unique_ptr<AgentClipboard>> AgentClipboard::create(Connect connect, const AgentSession::Options& options) {
  auto loop = platform::EventLoop::create();
  if (!loop) return std::unexpected(std::move(loop.error()));
  return std::unique_ptr<AgentClipboard>(
      new AgentClipboard(std::make_unique<Worker>(std::move(*loop), std::move(connect), options)));
}

std::unique_ptr<Holder> AgentClipboard::join(Listener listener) {
  return std::make_unique<MemberHolder>(*worker_, std::make_shared<Member>(std::move(listener)));
}

std::size_t AgentClipboard::most_bytes() const noexcept { return worker_->most_bytes(); }

}  // namespace hesper::clipboard
