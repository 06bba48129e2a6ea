// Writer: appends events to a capture file. Compresses and writes on a thread of its own, so that who records waits for
// memory only. Knows what a chunk is and nothing of what events mean.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string_view>
#include <thread>
#include <vector>

#include "base/error.h"
#include "base/unique_fd.h"
#include "capture/format.h"
#include "capture/reader.h"

namespace hesper::capture {

// Any thread, but for finish(). An error while writing (a full disk) ends the capture: it is logged once, everything
// after that is dropped, and what was written before stays readable.
class Writer {
 public:
  // Writes header and info to `file`, which is empty and open for writing; it need not be seekable.
  [[nodiscard]] static Result<std::unique_ptr<Writer>> create(UniqueFd file, const Info& info);
  // Without finish(), writes what was appended, as a capture that is cut off.
  ~Writer();

  // The event's payload is `fields` (as 32-bit words, little-endian) and then `bytes`, at most kMaxPiece of both.
  void append(EventKind kind, std::initializer_list<std::uint32_t> fields, std::span<const std::byte> bytes = {});

  // Appends `execute` of one command, or counts one more if the last event is the stream's `execute`.
  void append_execution(std::uint32_t stream);

  // Ends the capture here, for a reason that is a sentence.
  void give_up(std::string_view reason);

  // Writes what is left and the end; nullopt: without the end. What is appended afterwards is lost.
  void finish(const std::optional<Totals>& totals);

  // True once writing has failed.
  [[nodiscard]] bool failed() const noexcept { return failed_.load(std::memory_order_relaxed); }

 private:
  explicit Writer(UniqueFd file) : file_(std::move(file)) {}
  void start();
  void stop();
  void run();
  void put_event(EventKind kind, std::initializer_list<std::uint32_t> fields, std::span<const std::byte> bytes);
  void write_chunk(ChunkType type, std::span<const std::byte> raw);

  UniqueFd file_;
  std::atomic<bool> failed_{false};

  std::mutex mutex_;
  std::condition_variable filled_;     // there is something to write, or the end
  std::condition_variable emptied_;    // pending_ was taken
  std::vector<std::byte> pending_;     // whole events
  std::size_t last_event_ = SIZE_MAX;  // where the last of them begins
  bool stop_ = false;
  std::vector<std::byte> compressed_;  // the thread's
  std::thread thread_;
};

// u64 values as two words for append().
[[nodiscard]] constexpr std::uint32_t low(std::uint64_t value) noexcept { return static_cast<std::uint32_t>(value); }
[[nodiscard]] constexpr std::uint32_t high(std::uint64_t value) noexcept {
  return static_cast<std::uint32_t>(value >> 32);
}

// Lines "name=value", as info chunks and device events have them. Line ends in values become blanks.
[[nodiscard]] std::vector<std::byte> info_text(const Info& info);

}  // namespace hesper::capture
