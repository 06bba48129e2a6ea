// SyncTable: a client's sync objects (64-bit counters) and the waits on them. Knows no socket and no message.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <unordered_map>
#include <vector>

#include "base/error.h"
#include "base/unique_fd.h"
#include "platform/wake_fd.h"

namespace hesper::vtest {

// A counter. Its value belongs to its table and is touched under that table's lock only.
struct Sync {
  std::uint64_t value;
};

// "This counter has at least this value", or "set it to this value". Keeps the counter alive after its unref.
struct SyncPoint {
  std::shared_ptr<Sync> sync;
  std::uint64_t value;
};

enum class WaitFor : std::uint8_t { all, any };

class SyncTable {
 public:
  static constexpr std::size_t kMaxSyncs = 65536;
  static constexpr std::size_t kMaxWaits = 1024;  // each holds an fd

  [[nodiscard]] static Result<std::unique_ptr<SyncTable>> create();

  // The id of a new counter, never 0. Error: kMaxSyncs exist.
  [[nodiscard]] Result<std::uint32_t> add(std::uint64_t value);
  // False: no such id. Waits and pending writes on it stay valid.
  bool remove(std::uint32_t id);
  // Null: no such id.
  [[nodiscard]] std::shared_ptr<Sync> find(std::uint32_t id) const;

  [[nodiscard]] std::uint64_t read(const Sync& sync) const;

  // Sets the values, up or down, and wakes whoever waited for one of them. Any thread; never blocks for long.
  void write(std::span<const SyncPoint> points);

  // An fd that becomes readable when the points are reached; at once if they are, or if there are none.
  // timeout: how long the client will look at it; nothing happens to the fd when it passes. None: for ever.
  // Error: kMaxWaits waits are pending, or no fd is left.
  [[nodiscard]] Result<UniqueFd> wait(std::vector<SyncPoint> points, WaitFor mode,
                                      std::optional<std::chrono::milliseconds> timeout);

 private:
  using Clock = std::chrono::steady_clock;

  struct Wait {
    std::vector<SyncPoint> points;
    WaitFor mode;
    std::optional<Clock::time_point> forget_after;
    UniqueFd waker;
  };

  SyncTable(platform::WakePair reached, platform::WakePair never) noexcept
      : reached_(std::move(reached)), never_(std::move(never)) {}

  [[nodiscard]] static bool is_reached(std::span<const SyncPoint> points, WaitFor mode) noexcept;
  void drop_stale_waits();

  mutable std::mutex mutex_;  // guards everything below, and the value of every Sync
  std::unordered_map<std::uint32_t, std::shared_ptr<Sync>> syncs_;
  std::uint32_t last_id_ = 0;
  std::list<Wait> waits_;

  // What a wait that is over before it began hands out: no new pipe for each.
  platform::WakePair reached_;
  platform::WakePair never_;
};

}  // namespace hesper::vtest
