// EventLoop on top of poll().
#include "platform/event_loop.h"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <limits>
#include <utility>

namespace hesper::platform {

Result<std::unique_ptr<EventLoop>> EventLoop::create() {
  auto wake = create_wake_pair();
  if (!wake) return std::unexpected(std::move(wake.error()));
  return std::unique_ptr<EventLoop>(new EventLoop(std::move(*wake)));
}

EventLoop::Watch EventLoop::watch(int fd, short events, std::function<void()> ready) {
  auto entry =
      std::make_shared<Watch::Entry>(Watch::Entry{.fd = fd, .events = events, .time = {}, .ready = std::move(ready)});
  entries_.push_back(entry);
  return Watch(std::move(entry));
}

EventLoop::Watch EventLoop::when_readable(int fd, std::function<void()> ready) {
  return watch(fd, POLLIN, std::move(ready));
}

EventLoop::Watch EventLoop::when_writable(int fd, std::function<void()> ready) {
  return watch(fd, POLLOUT, std::move(ready));
}

EventLoop::Watch EventLoop::when_hung_up(int fd, std::function<void()> ready) { return watch(fd, 0, std::move(ready)); }

EventLoop::Watch EventLoop::at(std::chrono::steady_clock::time_point time, std::function<void()> ready) {
  auto entry =
      std::make_shared<Watch::Entry>(Watch::Entry{.fd = -1, .events = 0, .time = time, .ready = std::move(ready)});
  times_.push_back(entry);
  return Watch(std::move(entry));
}

void EventLoop::post(std::function<void()> work) {
  const std::scoped_lock lock(mutex_);
  posted_.push_back(std::move(work));
  if (posted_.size() == 1) wake(wake_.waker.get());
}

void EventLoop::run_posted() {
  std::array<std::byte, 64> bytes;
  // One byte for each time that there was nothing before; poll() said that there is one.
  [[maybe_unused]] const ssize_t taken = ::read(wake_.waiter.get(), bytes.data(), bytes.size());
  std::vector<std::function<void()>> work;
  {
    const std::scoped_lock lock(mutex_);
    work.swap(posted_);
  }
  for (auto& one : work) std::exchange(one, nullptr)();
}

void EventLoop::run_due() {
  const auto now = std::chrono::steady_clock::now();
  const auto times = times_;  // callbacks may add and remove some
  for (const auto& entry : times) {
    if (!entry->alive || entry->time > now) continue;
    entry->alive = false;
    entry->ready();
  }
}

// Milliseconds, rounded up, as poll() takes them.
int EventLoop::poll_timeout(std::optional<std::chrono::milliseconds> timeout) const {
  using std::chrono::milliseconds;
  for (const auto& entry : times_) {
    const auto left = std::chrono::ceil<milliseconds>(entry->time - std::chrono::steady_clock::now());
    timeout = std::min(timeout.value_or(left), std::max(left, milliseconds(0)));
  }
  constexpr milliseconds kLongest{std::numeric_limits<int>::max()};
  return timeout ? static_cast<int>(std::min(*timeout, kLongest).count()) : -1;
}

void EventLoop::run_once(std::optional<std::chrono::milliseconds> timeout) {
  std::erase_if(entries_, [](const auto& entry) { return !entry->alive; });
  std::erase_if(times_, [](const auto& entry) { return !entry->alive; });
  // Callbacks may add and remove watches.
  const auto entries = entries_;
  std::vector<pollfd> polled;
  polled.reserve(entries.size() + 1);
  for (const auto& entry : entries) polled.push_back({.fd = entry->fd, .events = entry->events, .revents = 0});
  polled.push_back({.fd = wake_.waiter.get(), .events = POLLIN, .revents = 0});
  if (::poll(polled.data(), static_cast<nfds_t>(polled.size()), poll_timeout(timeout)) > 0) {
    for (std::size_t i = 0; i < entries.size(); ++i) {
      if (polled[i].revents != 0 && entries[i]->alive) entries[i]->ready();
    }
    if (polled.back().revents != 0) run_posted();
  }
  if (!times_.empty()) run_due();
}

void EventLoop::run() {
  while (!stopped_) run_once();
}

void EventLoop::stop() {
  post([this] { stopped_ = true; });
}

}  // namespace hesper::platform
