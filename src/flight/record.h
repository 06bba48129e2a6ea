// Flight record: what each stream of a worker executes now and executed last, in memory that outlives the worker. The
// worker writes, its supervisor reads when the worker hangs or dies. Who judges what it says: supervisor/watchdog.h.
//
// Writing costs a command two plain stores and no clock: a time belongs to a batch, and all its commands bear it. How
// long the command that is being executed has taken is seen by looking twice.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "base/error.h"
#include "base/unique_fd.h"
#include "platform/shared_memory.h"

namespace hesper::flight {

inline constexpr std::size_t kStreams = 128;  // the context stream, 64 rings, 63 queues
inline constexpr std::size_t kHistory =
    256;                                    // commands that each stream remembers; 256, as a byte is the cheapest index
inline constexpr std::size_t kBatches = 8;  // batches whose times it remembers; a power of two

// Time since the system started, as std::chrono::steady_clock has it: the same for all processes.
using Microseconds = std::chrono::microseconds;

enum class Kind : std::uint32_t { unused, context, ring, queue };

enum class State : std::uint32_t {
  idle,
  busy,     // executes the newest command of its history
  waiting,  // in a wait of our own for another stream, which ends with the client; may take any time
};

// What a stream is busy with besides commands. Above the numbers of all Venus commands.
enum class Activity : std::uint16_t {
  creates_context = 0xff00,
  creates_blob,
  submits_fence,
  waits_for_fence,
};

// One stream. The functions are for the stream's own thread, the only writer; none of them blocks.
class alignas(64) StreamRecord {
 public:
  // Around each batch of commands.
  void begin_batch() noexcept {
    const auto now =
        std::chrono::duration_cast<Microseconds>(std::chrono::steady_clock::now().time_since_epoch()).count();
    const std::uint32_t batch = batches_.load(std::memory_order_relaxed);
    batch_time_[batch % kBatches].store(now, std::memory_order_relaxed);
    batch_start_[batch % kBatches].store(count_.load(std::memory_order_relaxed), std::memory_order_relaxed);
    batches_.store(batch + 1, std::memory_order_relaxed);
    state_.store(State::busy, std::memory_order_relaxed);
  }
  void end_batch() noexcept { state_.store(State::idle, std::memory_order_relaxed); }

  // A command begins; the one before it is over.
  void command(std::uint16_t type) noexcept {
    const std::uint32_t count = count_.load(std::memory_order_relaxed);
    history_[count % kHistory].store(type, std::memory_order_relaxed);
    count_.store(count + 1, std::memory_order_relaxed);
  }

  // The command is not over, but makes progress: a wait for the driver that is cut into slices.
  void pulse() noexcept { pulse_.store(pulse_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed); }

  void set_state(State state) noexcept { state_.store(state, std::memory_order_relaxed); }
  [[nodiscard]] State state() const noexcept { return state_.load(std::memory_order_relaxed); }

 private:
  friend class Recorder;
  friend std::optional<struct StreamView> view(const struct Record& record, std::size_t index);

  std::atomic<Kind> kind_{Kind::unused};
  std::atomic<State> state_{State::idle};
  std::atomic<std::uint32_t> number_{0};
  std::atomic<std::uint32_t> count_{0};  // wraps
  std::atomic<std::uint32_t> pulse_{0};
  std::atomic<std::uint32_t> batches_{0};
  std::array<std::atomic<std::uint16_t>, kHistory> history_{};
  std::array<std::atomic<std::uint32_t>, kBatches> batch_start_{};  // count_ when it began
  std::array<std::atomic<std::int64_t>, kBatches> batch_time_{};    // in Microseconds
};

// Says for its lifetime that the stream waits for another one.
class WaitingScope {
 public:
  explicit WaitingScope(StreamRecord& stream) noexcept : stream_(stream), before_(stream.state()) {
    stream_.set_state(State::waiting);
  }
  WaitingScope(const WaitingScope&) = delete;
  WaitingScope& operator=(const WaitingScope&) = delete;
  ~WaitingScope() { stream_.set_state(before_); }

 private:
  StreamRecord& stream_;
  State before_;
};

// A batch of one activity.
class ActivityScope {
 public:
  ActivityScope(StreamRecord& stream, Activity activity) noexcept : stream_(stream) {
    stream_.begin_batch();
    stream_.command(static_cast<std::uint16_t>(activity));
  }
  ActivityScope(const ActivityScope&) = delete;
  ActivityScope& operator=(const ActivityScope&) = delete;
  ~ActivityScope() { stream_.end_batch(); }

 private:
  StreamRecord& stream_;
};

// What lies in the shared memory, zeroed at first. Pages of streams that are never used are never allocated.
struct Record {
  std::atomic<std::uint32_t> confinement;  // see Recorder::confined(), plus 1
  std::array<StreamRecord, kStreams> streams;
};
static_assert(std::atomic<std::int64_t>::is_always_lock_free, "both processes must use the same plain accesses");

// The worker's side: gives streams their records. Any thread.
class Recorder {
 public:
  // Writes where nobody reads: for contexts without a supervisor.
  Recorder();
  // fd: borrowed, of create_record(). Errors: it is too small, or cannot be mapped.
  [[nodiscard]] static Result<std::unique_ptr<Recorder>> on(int fd);

  // number: what tells streams of a kind apart in log lines. The result is valid until close(), at most as long as
  // this. When all records are in use, a stream gets one that nobody reads.
  [[nodiscard]] StreamRecord& open(Kind kind, std::uint32_t number);
  void close(StreamRecord& stream) noexcept;

  // level: how much this process is confined, in the supervisor's and the worker's own terms (sandbox::Level).
  void confined(std::uint8_t level) noexcept;

 private:
  explicit Recorder(platform::Mapping memory) noexcept;

  platform::Mapping memory_;
  std::unique_ptr<Record> own_;  // without memory_
  Record* record_;
  std::mutex mutex_;
  std::vector<std::unique_ptr<StreamRecord>> unread_;  // under mutex_
};

// ---- The supervisor's side ----

// Shared memory of a record, zeroed.
[[nodiscard]] Result<UniqueFd> create_record();
[[nodiscard]] Result<platform::Mapping> map_record(int fd);
// memory: of map_record().
[[nodiscard]] const Record& record_in(const platform::Mapping& memory) noexcept;

struct Executed {
  std::uint16_t type;  // a VkCommandTypeEXT or an Activity, or anything
  Microseconds time;   // when its batch began; of an old one, when the oldest remembered batch did
};

// One look at a stream. The worker may be hostile: every number may be anything, and they need not belong together.
struct StreamView {
  Kind kind;
  State state;
  std::uint32_t number;
  std::uint32_t count;  // commands begun, modulo 2^32
  std::uint32_t pulse;
  std::vector<Executed> history;  // the newest first; kHistory at most
};
// What the worker gave to confined(), or anything; empty: it has not come so far.
[[nodiscard]] std::optional<std::uint32_t> confinement(const Record& record) noexcept;
// Empty: the record is not in use.
[[nodiscard]] std::optional<StreamView> view(const Record& record, std::size_t index);

}  // namespace hesper::flight
