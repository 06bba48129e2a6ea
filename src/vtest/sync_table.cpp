// SyncTable: counters under one lock. A wait is a list entry; writes look at all of them, as there are few.
#include "vtest/sync_table.h"

#include <fcntl.h>
#include <fmt/format.h>

#include <algorithm>
#include <cerrno>

namespace hesper::vtest {
namespace {

Result<UniqueFd> copy_of(const UniqueFd& fd) {
  UniqueFd copy(::fcntl(fd.get(), F_DUPFD_CLOEXEC, 0));
  if (!copy) return fail_errno("Copying a wait's file descriptor fails", errno);
  return copy;
}

}  // namespace

Result<std::unique_ptr<SyncTable>> SyncTable::create() {
  auto reached = platform::create_wake_pair();
  if (!reached) return std::unexpected(std::move(reached.error()));
  auto never = platform::create_wake_pair();
  if (!never) return std::unexpected(std::move(never.error()));
  platform::wake(reached->waker.get());
  return std::unique_ptr<SyncTable>(new SyncTable(std::move(*reached), std::move(*never)));
}

Result<std::uint32_t> SyncTable::add(std::uint64_t value) {
  const std::lock_guard lock(mutex_);
  if (syncs_.size() >= kMaxSyncs) return fail(fmt::format("The client already has {} syncs, the limit.", kMaxSyncs));
  do {
    ++last_id_;
  } while (last_id_ == 0 || syncs_.contains(last_id_));
  syncs_.emplace(last_id_, std::make_shared<Sync>(value));
  return last_id_;
}

bool SyncTable::remove(std::uint32_t id) {
  const std::lock_guard lock(mutex_);
  return syncs_.erase(id) == 1;
}

std::shared_ptr<Sync> SyncTable::find(std::uint32_t id) const {
  const std::lock_guard lock(mutex_);
  const auto found = syncs_.find(id);
  return found == syncs_.end() ? nullptr : found->second;
}

std::uint64_t SyncTable::read(const Sync& sync) const {
  const std::lock_guard lock(mutex_);
  return sync.value;
}

void SyncTable::write(std::span<const SyncPoint> points) {
  const std::lock_guard lock(mutex_);
  for (const SyncPoint& point : points) point.sync->value = point.value;
  waits_.remove_if([](const Wait& wait) {
    if (!is_reached(wait.points, wait.mode)) return false;
    platform::wake(wait.waker.get());
    return true;
  });
}

Result<UniqueFd> SyncTable::wait(std::vector<SyncPoint> points, WaitFor mode,
                                 std::optional<std::chrono::milliseconds> timeout) {
  // When our end closes the waiter sees POLLHUP, which Venus takes for a lost device. So a wait is kept until its
  // client has surely stopped looking.
  constexpr auto kGrace = std::chrono::seconds(1);

  const std::lock_guard lock(mutex_);
  if (is_reached(points, mode)) return copy_of(reached_.waiter);
  if (timeout && timeout->count() == 0) return copy_of(never_.waiter);
  drop_stale_waits();
  if (waits_.size() >= kMaxWaits) return fail(fmt::format("{} waits are pending, the limit.", kMaxWaits));
  auto pair = platform::create_wake_pair();
  if (!pair) return std::unexpected(std::move(pair.error()));
  waits_.push_back({
      .points = std::move(points),
      .mode = mode,
      .forget_after = timeout ? std::optional(Clock::now() + *timeout + kGrace) : std::nullopt,
      .waker = std::move(pair->waker),
  });
  return std::move(pair->waiter);
}

bool SyncTable::is_reached(std::span<const SyncPoint> points, WaitFor mode) noexcept {
  const auto reached = [](const SyncPoint& point) { return point.sync->value >= point.value; };
  if (mode == WaitFor::all || points.empty()) return std::ranges::all_of(points, reached);
  return std::ranges::any_of(points, reached);
}

void SyncTable::drop_stale_waits() {
  const auto now = Clock::now();
  const bool full = waits_.size() >= kMaxWaits;  // asking the system about each is only worth it then
  waits_.remove_if([&](const Wait& wait) {
    return (wait.forget_after && *wait.forget_after < now) || (full && platform::abandoned(wait.waker.get()));
  });
}

}  // namespace hesper::vtest
