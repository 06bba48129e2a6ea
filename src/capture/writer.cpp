// Writer: one buffer that is filled while another is written.
#include "capture/writer.h"

#include <unistd.h>
#include <zstd.h>

#include <cerrno>
#include <chrono>
#include <utility>

#include "base/hash.h"
#include "base/log.h"
#include "capture/bytes.h"

namespace hesper::capture {
namespace {

constexpr std::size_t kFull = std::size_t{1} << 20;  // a chunk is written at this size,
constexpr std::chrono::milliseconds kDelay{50};      // or this long after its first event: what a crash may cost
constexpr std::size_t kMostPending = kMaxChunk / 2;  // above that, who records waits
constexpr int kLevel = 1;
static_assert(kMostPending + kMaxPiece + 64 <= kMaxChunk);

bool write_all(int fd, std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(fd, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return false;
    bytes = bytes.subspan(static_cast<std::size_t>(written));
  }
  return true;
}

}  // namespace

std::vector<std::byte> info_text(const Info& info) {
  std::vector<std::byte> text;
  const auto add = [&](char c) { text.push_back(static_cast<std::byte>(c == '\n' ? ' ' : c)); };
  for (const auto& [name, value] : info) {
    for (const char c : name) add(c);
    add('=');
    for (const char c : value) add(c);
    text.push_back(std::byte{'\n'});
  }
  return text;
}

Result<std::unique_ptr<Writer>> Writer::create(UniqueFd file, const Info& info) {
  std::vector<std::byte> header;
  for (const std::uint8_t byte : kMagic) header.push_back(std::byte{byte});
  put(header, kVersion);
  put(header, std::uint32_t{0});
  if (!write_all(file.get(), header)) return fail_errno("The capture file cannot be written", errno);
  std::unique_ptr<Writer> writer(new Writer(std::move(file)));
  writer->write_chunk(ChunkType::info, info_text(info));
  if (writer->failed()) return fail("The capture file cannot be written.");
  writer->start();
  return writer;
}

Writer::~Writer() { stop(); }

void Writer::start() {
  thread_ = std::thread([this] { run(); });
}

void Writer::stop() {
  {
    const std::scoped_lock lock(mutex_);
    stop_ = true;
  }
  filled_.notify_one();
  if (thread_.joinable()) thread_.join();
}

void Writer::append(EventKind kind, std::initializer_list<std::uint32_t> fields, std::span<const std::byte> bytes) {
  if (failed()) return;
  std::unique_lock lock(mutex_);
  emptied_.wait(lock, [&] { return pending_.size() <= kMostPending || failed(); });
  put_event(kind, fields, bytes);
}

void Writer::append_execution(std::uint32_t stream) {
  if (failed()) return;
  std::unique_lock lock(mutex_);
  if (last_event_ < pending_.size()) {
    const std::span last(pending_.data() + last_event_, pending_.size() - last_event_);
    if (EventKind{get<std::uint32_t>(last, 0)} == EventKind::execute && get<std::uint32_t>(last, 8) == stream) {
      set(last, 12, get<std::uint32_t>(last, 12) + 1);
      return;
    }
  }
  emptied_.wait(lock, [&] { return pending_.size() <= kMostPending || failed(); });
  put_event(EventKind::execute, {stream, 1}, {});
}

void Writer::put_event(EventKind kind, std::initializer_list<std::uint32_t> fields, std::span<const std::byte> bytes) {
  const std::size_t size = fields.size() * 4 + bytes.size();
  const std::size_t before = pending_.size();
  last_event_ = before;
  put(pending_, std::to_underlying(kind));
  put(pending_, static_cast<std::uint32_t>(size));
  for (const std::uint32_t field : fields) put(pending_, field);
  pending_.insert(pending_.end(), bytes.begin(), bytes.end());
  pending_.resize((pending_.size() + 3) / 4 * 4);
  // The thread sleeps while there is nothing, and then until the chunk is full or old.
  if (before == 0 || (before < kFull && pending_.size() >= kFull)) filled_.notify_one();
}

void Writer::finish(const std::optional<Totals>& totals) {
  stop();
  if (!totals) return;
  std::vector<std::byte> end;
  put(end, totals->commands);
  put(end, totals->command_digest);
  put(end, totals->replies);
  put(end, totals->reply_digest);
  put(end, totals->nanoseconds);
  write_chunk(ChunkType::end, end);
}

void Writer::run() {
  std::vector<std::byte> taken;
  std::unique_lock lock(mutex_);
  while (true) {
    filled_.wait(lock, [&] { return stop_ || !pending_.empty(); });
    if (pending_.empty()) return;
    filled_.wait_for(lock, kDelay, [&] { return stop_ || pending_.size() >= kFull; });
    taken.clear();
    std::swap(taken, pending_);
    last_event_ = SIZE_MAX;
    lock.unlock();
    emptied_.notify_all();
    write_chunk(ChunkType::events, taken);
    lock.lock();
  }
}

void Writer::write_chunk(ChunkType type, std::span<const std::byte> raw) {
  if (failed()) return;
  std::span<const std::byte> stored = raw;
  Coding coding = Coding::raw;
  compressed_.resize(ZSTD_compressBound(raw.size()));
  const std::size_t size = ZSTD_compress(compressed_.data(), compressed_.size(), raw.data(), raw.size(), kLevel);
  if (ZSTD_isError(size) == 0 && size < raw.size()) {
    stored = std::span(compressed_).first(size);
    coding = Coding::zstd;
  }
  std::vector<std::byte> header;
  put(header, std::to_underlying(type));
  put(header, std::to_underlying(coding));
  put(header, static_cast<std::uint32_t>(stored.size()));
  put(header, static_cast<std::uint32_t>(raw.size()));
  put(header, hash64(stored, hash64(header)));
  if (write_all(file_.get(), header) && write_all(file_.get(), stored)) return;
  give_up(fail_errno("Writing the file fails", errno).error().message);
}

void Writer::give_up(std::string_view reason) {
  if (failed_.exchange(true, std::memory_order_relaxed)) return;
  emptied_.notify_all();
  log::error("The capture ends here; the program goes on. {}", reason);
}

}  // namespace hesper::capture
