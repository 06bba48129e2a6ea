// Flight record: giving out records, and reading what they say.
#include "flight/record.h"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <new>

namespace hesper::flight {

Recorder::Recorder() : own_(std::make_unique<Record>()), record_(own_.get()) {}

// SAFETY: create_record()'s memory is zeroed, aligned to a page and large enough, which on() checked; zero is a valid
// value of every member, and Record is destroyed by nobody.
Recorder::Recorder(platform::Mapping memory) noexcept
    : memory_(std::move(memory)), record_(std::launder(reinterpret_cast<Record*>(memory_.data()))) {}

Result<std::unique_ptr<Recorder>> Recorder::on(int fd) {
  struct stat info{};
  if (::fstat(fd, &info) != 0) return fail_errno("The flight record is not there", errno);
  if (info.st_size < static_cast<off_t>(sizeof(Record))) return fail("The flight record is too small.");
  auto memory = map_record(fd);
  if (!memory) return std::unexpected(std::move(memory.error()));
  return std::unique_ptr<Recorder>(new Recorder(std::move(*memory)));
}

StreamRecord& Recorder::open(Kind kind, std::uint32_t number) {
  const std::scoped_lock lock(mutex_);
  for (StreamRecord& stream : record_->streams) {
    if (stream.kind_.load(std::memory_order_relaxed) != Kind::unused) continue;
    stream.number_.store(number, std::memory_order_relaxed);
    stream.state_.store(State::idle, std::memory_order_relaxed);
    stream.count_.store(0, std::memory_order_relaxed);
    stream.batches_.store(0, std::memory_order_relaxed);
    stream.kind_.store(kind, std::memory_order_release);  // view()'s acquire is the partner
    return stream;
  }
  return *unread_.emplace_back(std::make_unique<StreamRecord>());
}

void Recorder::close(StreamRecord& stream) noexcept {
  const std::scoped_lock lock(mutex_);
  stream.kind_.store(Kind::unused, std::memory_order_release);
  std::erase_if(unread_, [&](const auto& each) { return each.get() == &stream; });
}

void Recorder::confined(std::uint8_t level) noexcept {
  record_->confinement.store(std::uint32_t{level} + 1, std::memory_order_relaxed);
}

Result<UniqueFd> create_record() { return platform::create_shared_memory("hesper-flight", sizeof(Record)); }

Result<platform::Mapping> map_record(int fd) { return platform::Mapping::map(fd, sizeof(Record)); }

const Record& record_in(const platform::Mapping& memory) noexcept {
  // SAFETY: as in Recorder's constructor.
  return *std::launder(reinterpret_cast<const Record*>(memory.data()));
}

std::optional<std::uint32_t> confinement(const Record& record) noexcept {
  const std::uint32_t word = record.confinement.load(std::memory_order_relaxed);
  return word == 0 ? std::nullopt : std::optional(word - 1);
}

std::optional<StreamView> view(const Record& record, std::size_t index) {
  const StreamRecord& stream = record.streams[index];
  StreamView result{.kind = stream.kind_.load(std::memory_order_acquire),
                    .state = stream.state_.load(std::memory_order_relaxed),
                    .number = stream.number_.load(std::memory_order_relaxed),
                    .count = stream.count_.load(std::memory_order_relaxed),
                    .pulse = stream.pulse_.load(std::memory_order_relaxed),
                    .history = {}};
  if (result.kind == Kind::unused) return std::nullopt;
  const std::uint32_t batches = stream.batches_.load(std::memory_order_relaxed);
  result.history.reserve(std::min<std::uint32_t>(result.count, kHistory));
  std::uint32_t back = 1;  // the batch looked at: 1 is the newest
  for (std::uint32_t i = 1; i <= std::min<std::uint32_t>(result.count, kHistory); ++i) {
    const std::uint32_t command = result.count - i;
    const auto begins_after = [&] {
      const std::uint32_t start = stream.batch_start_[(batches - back) % kBatches].load(std::memory_order_relaxed);
      return static_cast<std::int32_t>(start - command) > 0;
    };
    while (back < std::min<std::uint32_t>(batches, kBatches) && begins_after()) ++back;
    const auto& time = stream.batch_time_[(batches - back) % kBatches];
    result.history.push_back({.type = stream.history_[command % kHistory].load(std::memory_order_relaxed),
                              .time = Microseconds(time.load(std::memory_order_relaxed))});
  }
  return result;
}

}  // namespace hesper::flight
