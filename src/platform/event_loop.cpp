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

EventLoop::Watch EventLoop::when_readable(int fd, std::function<void()> ready) {
  auto entry = std::make_shared<Watch::Entry>(Watch::Entry{.fd = fd, .ready = std::move(ready)});
  entries_.push_back(entry);
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

void EventLoop::run_once(std::optional<std::chrono::milliseconds> timeout) {
  std::erase_if(entries_, [](const auto& entry) { return !entry->alive; });
  // Callbacks may add and remove watches.
  const auto entries = entries_;
  std::vector<pollfd> polled;
  polled.reserve(entries.size() + 1);
  for (const auto& entry : entries) polled.push_back({.fd = entry->fd, .events = POLLIN, .revents = 0});
  polled.push_back({.fd = wake_.waiter.get(), .events = POLLIN, .revents = 0});
  constexpr std::chrono::milliseconds kLongest{std::numeric_limits<int>::max()};
  const int wait = timeout ? static_cast<int>(std::min(*timeout, kLongest).count()) : -1;
  if (::poll(polled.data(), static_cast<nfds_t>(polled.size()), wait) <= 0) return;
  for (std::size_t i = 0; i < entries.size(); ++i) {
    if (polled[i].revents != 0 && entries[i]->alive) entries[i]->ready();
  }
  if (polled.back().revents != 0) run_posted();
}

void EventLoop::run() {
  while (!stopped_) run_once();
}

void EventLoop::stop() {
  post([this] { stopped_ = true; });
}

}  // namespace hesper::platform
