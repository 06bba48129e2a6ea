// The capture format: numbers and limits that writer and reader share. The whole story: docs/capture.md.
//
// A file is a header and chunks; a chunk holds whole events. Everything is little-endian.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace hesper::capture {

// As PNG's: shows at once when somebody's transfer converts line ends or drops the eighth bit.
inline constexpr std::array<std::uint8_t, 8> kMagic{0x89, 'H', 'S', 'C', '\r', '\n', 0x1a, '\n'};
inline constexpr std::uint32_t kVersion = 1;
inline constexpr std::size_t kFileHeaderSize = 16;  // magic, version, a word that is 0

// A chunk's header is these five fields, without padding: u32 type, coding, stored, raw; u64 checksum.
inline constexpr std::size_t kChunkHeaderSize = 24;
inline constexpr std::uint32_t kMaxChunk = 4u << 20;  // bytes of a chunk, before and after compression

enum class ChunkType : std::uint32_t {
  info = 1,    // the first chunk: lines "name=value" in UTF-8
  events = 2,  // see EventKind
  end = 3,     // the last chunk: Totals
};
enum class Coding : std::uint32_t { raw = 0, zstd = 1 };

// An event is u32 kind, u32 size, then `size` bytes of payload, then zeros up to a multiple of 4.
inline constexpr std::size_t kEventHeaderSize = 8;
enum class EventKind : std::uint32_t {
  device = 1,        // lines "name=value" about a physical device of the host
  stream_begin = 2,  // u32 stream, u32 0, u64 ring
  stream_end = 3,    // u32 stream
  data = 4,          // u32 stream, then bytes of commands, in the order of the stream; not executed yet
  execute = 5,       // u32 stream, u32 count: the stream's next commands are executed here
  nested = 6,        // u32 stream, u32 resource, u64 offset, then bytes: what vkExecuteCommandStreamsMESA read there
  blob = 7,          // u32 resource, u32 flags, u64 blob_id, u64 size, u32 made (0: the host refused)
  unref = 8,         // u32 resource
  fence = 9,         // u32 ring_idx
  memory = 10,       // u32 resource, u32 0, u64 offset, then runs: u16 first word, u16 words, the words
  reply = 11,        // u32 stream, u32 command type, u32 size, u32 0, u64 hash of the reply's bytes
  lost = 12,         // why the context became fatal, UTF-8
};

inline constexpr std::uint32_t kContextStream = 0;
inline constexpr std::size_t kMaxPiece = 1u << 20;  // longer data and nested bytes are several events
inline constexpr std::size_t kMemoryPage = 4096;    // a memory event stays inside one such page of its resource
inline constexpr std::size_t kMaxStreams = 4096;    // of one capture, those that ended included
inline constexpr std::size_t kMaxText = 64u << 10;  // of info, device and lost
inline constexpr std::size_t kMaxInfoEntries = 256;

// The end chunk, field by field as u64.
struct Totals {
  std::uint64_t commands = 0;        // executed, with those of nested streams
  std::uint64_t command_digest = 0;  // see replay/digest.h
  std::uint64_t replies = 0;
  std::uint64_t reply_digest = 0;
  std::uint64_t nanoseconds = 0;  // from the beginning of the capture to its end

  bool operator==(const Totals&) const = default;
};
inline constexpr std::size_t kTotalsSize = 40;

}  // namespace hesper::capture
