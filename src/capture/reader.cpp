// Reader: every length is checked before it is used.
#include "capture/reader.h"

#include <fmt/format.h>
#include <zstd.h>

#include <algorithm>
#include <cstring>
#include <string_view>
#include <utility>

#include "base/hash.h"
#include "capture/bytes.h"

namespace hesper::capture {
namespace {

std::string_view text_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// Lines "name=value". False: too much of it.
bool parse_info(std::span<const std::byte> bytes, Info& info) {
  std::string_view text = text_of(bytes);
  if (text.size() > kMaxText) return false;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    if (const std::size_t equals = line.find('='); equals != std::string_view::npos) {
      if (info.size() >= kMaxInfoEntries) return false;
      info.insert_or_assign(std::string(line.substr(0, equals)), std::string(line.substr(equals + 1)));
    }
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return true;
}

std::optional<std::vector<MemoryRun>> parse_runs(std::span<const std::byte> bytes) {
  std::vector<MemoryRun> runs;
  while (!bytes.empty()) {
    if (bytes.size() < 4) return std::nullopt;
    const std::size_t offset = std::size_t{get<std::uint16_t>(bytes, 0)} * 4;
    const std::size_t size = std::size_t{get<std::uint16_t>(bytes, 2)} * 4;
    bytes = bytes.subspan(4);
    if (size == 0 || size > bytes.size() || offset > kMemoryPage || size > kMemoryPage - offset) return std::nullopt;
    runs.push_back({.offset = offset, .bytes = bytes.first(size)});
    bytes = bytes.subspan(size);
  }
  return runs;
}

}  // namespace

std::unexpected<Error> Reader::damaged(const char* what) const {
  return fail(fmt::format("The capture is damaged: {} (in the chunk at byte {}).", what, chunk_start_));
}

Result<Reader> Reader::open(std::span<const std::byte> file) {
  if (file.size() < kMagic.size() || std::memcmp(file.data(), kMagic.data(), kMagic.size()) != 0)
    return fail("This is not a capture of Hesper's: it does not begin as one.");
  if (file.size() < kFileHeaderSize) return fail("The capture ends within its header.");
  const auto version = get<std::uint32_t>(file, kMagic.size());
  if (version == 0 || version > kVersion)
    return fail(fmt::format("The capture has version {} of the format; this Hesper reads versions 1 to {}.", version,
                            kVersion));
  Reader reader(file);
  reader.at_ = kFileHeaderSize;
  auto first = reader.next_chunk();
  if (!first) return std::unexpected(std::move(first.error()));
  if (!*first) return fail("The capture ends before it says where it comes from; nothing of it can be read.");
  if ((*first)->type != ChunkType::info || !parse_info((*first)->bytes, reader.info_))
    return reader.damaged("it does not say where it comes from");
  return reader;
}

Result<std::optional<Reader::Chunk>> Reader::next_chunk() {
  chunk_start_ = at_;
  const auto rest = file_.subspan(at_);
  if (rest.size() < kChunkHeaderSize) return std::nullopt;
  const auto type = get<std::uint32_t>(rest, 0);
  const auto coding = get<std::uint32_t>(rest, 4);
  const auto stored = get<std::uint32_t>(rest, 8);
  const auto raw = get<std::uint32_t>(rest, 12);
  if (type < std::to_underlying(ChunkType::info) || type > std::to_underlying(ChunkType::end))
    return damaged("its type is unknown");
  if (coding > std::to_underlying(Coding::zstd)) return damaged("its coding is unknown");
  if (stored > kMaxChunk || raw > kMaxChunk) return damaged("it is larger than chunks may be");
  if (stored > rest.size() - kChunkHeaderSize) return std::nullopt;
  const auto body = rest.subspan(kChunkHeaderSize, stored);
  if (hash64(body, hash64(rest.first(16))) != get<std::uint64_t>(rest, 16)) return damaged("its checksum is wrong");
  at_ += kChunkHeaderSize + stored;

  // Copied also where it is stored as it is: events are aligned to 4 bytes there.
  decoded_.resize(raw);
  if (Coding{coding} == Coding::raw) {
    if (stored != raw) return damaged("its two sizes differ");
    std::ranges::copy(body, decoded_.begin());
  } else if (ZSTD_decompress(decoded_.data(), raw, body.data(), stored) != raw) {
    return damaged("it cannot be decompressed");
  }
  return Chunk{.type = ChunkType{type}, .bytes = decoded_};
}

Result<std::optional<Event>> Reader::next() {
  while (events_.empty()) {
    if (totals_) return std::nullopt;
    auto chunk = next_chunk();
    if (!chunk) return std::unexpected(std::move(chunk.error()));
    if (!*chunk) return std::nullopt;
    switch ((*chunk)->type) {
      case ChunkType::info: return damaged("it says twice where it comes from");
      case ChunkType::events: events_ = (*chunk)->bytes; break;
      case ChunkType::end: {
        const auto bytes = (*chunk)->bytes;
        if (bytes.size() != kTotalsSize) return damaged("its end has a wrong size");
        totals_ = Totals{.commands = get<std::uint64_t>(bytes, 0),
                         .command_digest = get<std::uint64_t>(bytes, 8),
                         .replies = get<std::uint64_t>(bytes, 16),
                         .reply_digest = get<std::uint64_t>(bytes, 24),
                         .nanoseconds = get<std::uint64_t>(bytes, 32)};
        if (at_ != file_.size()) return damaged("something follows its end");
        return std::nullopt;
      }
    }
  }
  auto event = take_event();
  if (!event) return std::unexpected(std::move(event.error()));
  return std::move(*event);
}

Result<Event> Reader::take_event() {
  if (events_.size() < kEventHeaderSize) return damaged("an event is cut off");
  const auto kind = get<std::uint32_t>(events_, 0);
  const std::size_t size = get<std::uint32_t>(events_, 4);
  if (size > events_.size() - kEventHeaderSize) return damaged("an event is cut off");
  const std::size_t padded = kEventHeaderSize + (size + 3) / 4 * 4;
  if (padded > events_.size()) return damaged("an event is cut off");
  const auto payload = events_.subspan(kEventHeaderSize, size);
  events_ = events_.subspan(padded);

  const auto word = [&](std::size_t at) { return get<std::uint32_t>(payload, at); };
  const auto long_word = [&](std::size_t at) { return get<std::uint64_t>(payload, at); };
  // Streams are counted up from 0 by the recorder; a reader's tables may trust that they are few.
  const auto known_stream = [&] { return payload.size() >= 4 && word(0) < kMaxStreams; };
  const auto exactly = [&](std::size_t want) { return payload.size() == want; };
  const auto whole_words = [&](std::size_t header) { return payload.size() >= header && payload.size() % 4 == 0; };

  switch (EventKind{kind}) {
    case EventKind::device: {
      DeviceFacts event;
      if (!parse_info(payload, event.facts)) break;
      return event;
    }
    case EventKind::stream_begin:
      if (!exactly(16) || !known_stream()) break;
      return StreamBegin{.stream = word(0), .ring = long_word(8)};
    case EventKind::stream_end:
      if (!exactly(4) || !known_stream()) break;
      return StreamEnd{.stream = word(0)};
    case EventKind::data:
      if (!whole_words(4) || !known_stream()) break;
      return Data{.stream = word(0), .bytes = payload.subspan(4)};
    case EventKind::execute:
      if (!exactly(8) || !known_stream()) break;
      return Execute{.stream = word(0), .count = word(4)};
    case EventKind::nested:
      if (!whole_words(16) || !known_stream()) break;
      return Nested{.stream = word(0), .resource = word(4), .offset = long_word(8), .bytes = payload.subspan(16)};
    case EventKind::blob:
      if (!exactly(28)) break;
      return BlobMade{
          .resource = word(0), .flags = word(4), .blob_id = long_word(8), .size = long_word(16), .made = word(24) != 0};
    case EventKind::unref:
      if (!exactly(4)) break;
      return Unref{.resource = word(0)};
    case EventKind::fence:
      if (!exactly(4)) break;
      return Fence{.ring_idx = word(0)};
    case EventKind::memory: {
      if (!whole_words(16) || long_word(8) % kMemoryPage != 0) break;
      auto runs = parse_runs(payload.subspan(16));
      if (!runs) break;
      return MemoryChange{.resource = word(0), .offset = long_word(8), .runs = std::move(*runs)};
    }
    case EventKind::reply:
      if (!exactly(24) || !known_stream()) break;
      return Reply{.stream = word(0), .command = word(4), .size = word(8), .hash = long_word(16)};
    case EventKind::lost:
      if (payload.size() > kMaxText) break;
      return Lost{.reason = std::string(text_of(payload))};
    default: return damaged("an event is of an unknown kind");
  }
  return damaged("an event does not have the form of its kind");
}

}  // namespace hesper::capture
