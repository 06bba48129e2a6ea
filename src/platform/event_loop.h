// EventLoop: one thread's poll(): calls back when fds become ready and when times come, and runs what other threads
// post. Owns no fd.
//
// poll() and not epoll or kqueue: whoever needs this watches some dozens of fds at most, and it is the same everywhere.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "base/error.h"
#include "platform/wake_fd.h"

namespace hesper::platform {

// All but post() and stop(): the loop's thread, which is the one that calls run() or run_once().
class EventLoop {
 public:
  // The process must ignore SIGPIPE (see signals.h).
  [[nodiscard]] static Result<std::unique_ptr<EventLoop>> create();
  EventLoop(const EventLoop&) = delete;
  EventLoop& operator=(const EventLoop&) = delete;

  // Calls until it is destroyed or assigned to. It may go in its own callback, and outlive the loop.
  class Watch {
   public:
    Watch() noexcept = default;
    Watch(Watch&&) noexcept = default;
    Watch& operator=(Watch from) noexcept {
      std::swap(entry_, from.entry_);
      return *this;
    }
    ~Watch() {
      if (entry_) entry_->alive = false;
    }
    [[nodiscard]] explicit operator bool() const noexcept { return entry_ != nullptr; }

   private:
    friend class EventLoop;
    struct Entry {
      int fd;        // -1: a time
      short events;  // of poll()
      std::chrono::steady_clock::time_point time;
      std::function<void()> ready;
      bool alive = true;
    };
    explicit Watch(std::shared_ptr<Entry> entry) noexcept : entry_(std::move(entry)) {}
    std::shared_ptr<Entry> entry_;
  };

  // Calls `ready` whenever fd (borrowed; open as long as the watch lives) has something to read, has hung up or failed.
  [[nodiscard]] Watch when_readable(int fd, std::function<void()> ready);
  // Likewise, whenever fd takes bytes without waiting.
  [[nodiscard]] Watch when_writable(int fd, std::function<void()> ready);
  // Likewise, whenever fd has hung up or failed, whatever there is to read.
  [[nodiscard]] Watch when_hung_up(int fd, std::function<void()> ready);
  // Calls `ready` once, at that time or soon after.
  [[nodiscard]] Watch at(std::chrono::steady_clock::time_point time, std::function<void()> ready);

  // Runs `work` on the loop's thread, soon and in order; never from within post(). Any thread. Work that is still there
  // when the loop ends is destroyed.
  void post(std::function<void()> work);

  // Waits until something is ready, at most `timeout` (none: for ever), and calls back.
  void run_once(std::optional<std::chrono::milliseconds> timeout = std::nullopt);
  // Until stop().
  void run();
  // Any thread.
  void stop();

 private:
  explicit EventLoop(WakePair wake) noexcept : wake_(std::move(wake)) {}
  [[nodiscard]] Watch watch(int fd, short events, std::function<void()> ready);
  [[nodiscard]] int poll_timeout(std::optional<std::chrono::milliseconds> timeout) const;
  void run_posted();
  void run_due();

  WakePair wake_;
  std::vector<std::shared_ptr<Watch::Entry>> entries_;
  std::vector<std::shared_ptr<Watch::Entry>> times_;
  bool stopped_ = false;

  std::mutex mutex_;  // of posted_
  std::vector<std::function<void()>> posted_;
};

}  // namespace hesper::platform
