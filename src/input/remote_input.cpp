// RemoteInput: a thread that opens channels, writes what did not go out at once, and reads lights.
#include "input/remote_input.h"

#include <chrono>
#include <cstddef>
#include <mutex>
#include <span>
#include <thread>
#include <utility>
#include <vector>

#include "base/log.h"
#include "input/channel.h"
#include "input/message_sink.h"
#include "platform/event_loop.h"
#include "platform/socket.h"
#include "platform/thread.h"

namespace hesper::input {
namespace {

constexpr std::size_t kMostUnsent = 4096;  // messages
constexpr std::chrono::seconds kBetweenAttempts{1};

}  // namespace

// One sink's connection. Messages come from the sink's thread; the rest is the worker's.
class RemoteInput::Channel : public std::enable_shared_from_this<Channel> {
 public:
  Channel(platform::EventLoop& loop, const Open& open, std::function<void(Leds)> on_leds)
      : loop_(loop), open_(open), on_leds_(std::move(on_leds)) {}

  // The sink's thread.
  void send(std::span<const ChannelMessage> messages) {
    const std::lock_guard lock(mutex_);
    if (unsent_.size() + messages.size() > kMostUnsent) {
      unsent_.clear();
      sent_bytes_ = 0;
      lost_ = true;
    }
    if (!lost_) unsent_.insert(unsent_.end(), messages.begin(), messages.end());
    if (socket_ && !lost_ && send_some()) return;
    if (std::exchange(posted_, true)) return;
    loop_.post([self = shared_from_this()] { self->go_on(); });
  }

  // The sink's thread: no more lights are told from here on.
  void silence() {
    const std::lock_guard lock(leds_mutex_);
    on_leds_ = nullptr;
  }

  // The worker's thread, as all that follows.
  void begin() { go_on(); }
  void end() {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    disconnect();
    retry_ = {};
  }

 private:
  // True: nothing is left.
  bool send_some() {
    const auto bytes = std::as_bytes(std::span(unsent_));
    while (sent_bytes_ < bytes.size()) {
      const auto sent = platform::send_part(socket_.get(), bytes.subspan(sent_bytes_));
      if (sent.broken) lost_ = true;
      if (sent.size == 0) return false;
      sent_bytes_ += sent.size;
    }
    unsent_.clear();
    sent_bytes_ = 0;
    return true;
  }

  void go_on() {
    std::unique_lock lock(mutex_);
    posted_ = false;
    if (closed_) return;
    if (std::exchange(lost_, false)) disconnect();
    if (!socket_) return connect(lock);
    if (!send_some() && !lost_) {
      writable_ = loop_.when_writable(socket_.get(), [this] { go_on(); });
      return;
    }
    writable_ = {};
    if (lost_) loop_.post([self = shared_from_this()] { self->go_on(); });
  }

  void disconnect() {
    readable_ = {};
    writable_ = {};
    socket_ = UniqueFd();
    unsent_.clear();
    sent_bytes_ = 0;
    received_ = 0;
  }

  void connect(std::unique_lock<std::mutex>& lock) {
    const auto now = std::chrono::steady_clock::now();
    if (now < next_attempt_) {
      if (!retry_)
        retry_ = loop_.at(next_attempt_, [this] {
          retry_ = {};
          go_on();
        });
      return;
    }
    next_attempt_ = now + kBetweenAttempts;
    lock.unlock();
    auto opened = open_();
    lock.lock();
    if (!opened) {
      if (!std::exchange(told_, true)) log::warn("The guest gets no input: {}", opened.error().message);
      // What was done meanwhile is too old when somebody can take it.
      unsent_.clear();
      retry_ = loop_.at(next_attempt_, [this] {
        retry_ = {};
        go_on();
      });
      return;
    }
    told_ = false;
    socket_ = std::move(*opened);
    readable_ = loop_.when_readable(socket_.get(), [this] { read_leds(); });
    lock.unlock();
    go_on();
  }

  void read_leds() {
    const auto into = std::as_writable_bytes(std::span(&leds_, 1)).subspan(received_);
    const auto part = platform::receive_part(socket_.get(), into, 0);
    if (part.closed) {
      {
        const std::lock_guard lock(mutex_);
        lost_ = true;
      }
      return go_on();
    }
    received_ += part.size;
    if (received_ < sizeof(leds_)) return;
    received_ = 0;
    const std::lock_guard lock(leds_mutex_);
    if (on_leds_) on_leds_(leds_of(leds_));
  }

  platform::EventLoop& loop_;
  const Open& open_;

  std::mutex leds_mutex_;  // of the next; held while it is called
  std::function<void(Leds)> on_leds_;

  ChannelLeds leds_;
  std::size_t received_ = 0;  // bytes of leds_
  bool told_ = false;         // that nobody can be reached
  std::chrono::steady_clock::time_point next_attempt_;
  platform::EventLoop::Watch readable_;
  platform::EventLoop::Watch writable_;
  platform::EventLoop::Watch retry_;

  std::mutex mutex_;  // of what follows; the worker's thread alone changes socket_
  UniqueFd socket_;
  std::vector<ChannelMessage> unsent_;
  std::size_t sent_bytes_ = 0;  // of unsent_
  bool lost_ = false;           // the connection is of no more use
  bool posted_ = false;
  bool closed_ = false;
};

// The thread and what it works for.
class RemoteInput::Worker {
 public:
  Worker(std::unique_ptr<platform::EventLoop> loop, Open open)
      : loop_(std::move(loop)), open_(std::move(open)), thread_([this] {
          platform::name_thread("input");
          loop_->run();
        }) {}
  ~Worker() {
    loop_->stop();
    thread_.join();
  }

  std::shared_ptr<Channel> add(std::function<void(Leds)> on_leds) {
    auto channel = std::make_shared<Channel>(*loop_, open_, std::move(on_leds));
    loop_->post([channel] { channel->begin(); });
    return channel;
  }
  void remove(std::shared_ptr<Channel> channel) {
    channel->silence();
    loop_->post([channel = std::move(channel)] { channel->end(); });
  }

 private:
  const std::unique_ptr<platform::EventLoop> loop_;
  const Open open_;
  std::thread thread_;
};

class RemoteInput::RemoteSink final : public MessageSink {
 public:
  RemoteSink(Worker& worker, std::shared_ptr<Channel> channel)
      : MessageSink([channel](std::span<const ChannelMessage> messages) { channel->send(messages); }),
        worker_(worker),
        channel_(std::move(channel)) {}
  ~RemoteSink() override { worker_.remove(std::move(channel_)); }

 private:
  Worker& worker_;
  std::shared_ptr<Channel> channel_;
};

RemoteInput::RemoteInput(std::unique_ptr<Worker> worker) noexcept : worker_(std::move(worker)) {}
RemoteInput::~RemoteInput() = default;

Result<std::unique_ptr<RemoteInput>> RemoteInput::create(Open open) {
  auto loop = platform::EventLoop::create();
  if (!loop) return std::unexpected(std::move(loop.error()));
  return std::unique_ptr<RemoteInput>(new RemoteInput(std::make_unique<Worker>(std::move(*loop), std::move(open))));
}

std::unique_ptr<Sink> RemoteInput::join(std::function<void(Leds)> on_leds) {
  return std::make_unique<RemoteSink>(*worker_, worker_->add(std::move(on_leds)));
}

}  // namespace hesper::input
