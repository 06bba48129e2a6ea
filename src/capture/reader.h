// Reader: a capture file as a sequence of events. Trusts nothing in it: captures are files from strangers.
//
// A pure function over bytes: opens no file, logs nothing, and takes no memory beyond one chunk (kMaxChunk).
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "base/error.h"
#include "capture/format.h"

namespace hesper::capture {

using Info = std::map<std::string, std::string>;

// ---- Events; see EventKind. Spans live until the next call of next(). ----
struct DeviceFacts {
  Info facts;
};
struct StreamBegin {
  std::uint32_t stream = 0;
  std::uint64_t ring = 0;
};
struct StreamEnd {
  std::uint32_t stream = 0;
};
struct Data {
  std::uint32_t stream = 0;
  std::span<const std::byte> bytes;  // a multiple of 4, aligned to 4
};
struct Execute {
  std::uint32_t stream = 0;
  std::uint32_t count = 0;
};
struct Nested {
  std::uint32_t stream = 0;
  std::uint32_t resource = 0;
  std::uint64_t offset = 0;
  std::span<const std::byte> bytes;  // a multiple of 4, aligned to 4
};
struct BlobMade {
  std::uint32_t resource = 0;
  std::uint32_t flags = 0;
  std::uint64_t blob_id = 0;
  std::uint64_t size = 0;
  bool made = false;
};
struct Unref {
  std::uint32_t resource = 0;
};
struct Fence {
  std::uint32_t ring_idx = 0;
};
struct MemoryRun {
  std::size_t offset = 0;  // bytes from the start of the event's page
  std::span<const std::byte> bytes;
};
struct MemoryChange {
  std::uint32_t resource = 0;
  std::uint64_t offset = 0;  // of the page in the resource, a multiple of kMemoryPage
  std::vector<MemoryRun> runs;
};
struct Reply {
  std::uint32_t stream = 0;
  std::uint32_t command = 0;  // wire::CommandType
  std::uint32_t size = 0;
  std::uint64_t hash = 0;
};
struct Lost {
  std::string reason;
};
using Event = std::variant<DeviceFacts, StreamBegin, StreamEnd, Data, Execute, Nested, BlobMade, Unref, Fence,
                           MemoryChange, Reply, Lost>;

class Reader {
 public:
  // Borrows `file`. Errors: not a capture, a newer version, or damaged at its beginning.
  [[nodiscard]] static Result<Reader> open(std::span<const std::byte> file);

  [[nodiscard]] const Info& info() const noexcept { return info_; }

  // The next event; nullopt at the end, also where the file is cut off. Errors: the file is damaged.
  [[nodiscard]] Result<std::optional<Event>> next();

  // After next() has returned nullopt: what the recorder counted, or nullopt if the file is cut off, as by a crash.
  [[nodiscard]] const std::optional<Totals>& totals() const noexcept { return totals_; }

 private:
  struct Chunk {
    ChunkType type{};
    std::span<const std::byte> bytes;  // decoded
  };

  explicit Reader(std::span<const std::byte> file) noexcept : file_(file) {}
  // nullopt: no whole chunk is left.
  [[nodiscard]] Result<std::optional<Chunk>> next_chunk();
  [[nodiscard]] Result<Event> take_event();
  [[nodiscard]] std::unexpected<Error> damaged(const char* what) const;

  std::span<const std::byte> file_;
  std::size_t at_ = 0;           // the next chunk
  std::size_t chunk_start_ = 0;  // of the chunk that is being read, for error texts
  std::vector<std::byte> decoded_;
  std::span<const std::byte> events_;  // what is left of the chunk
  Info info_;
  std::optional<Totals> totals_;
};

}  // namespace hesper::capture
