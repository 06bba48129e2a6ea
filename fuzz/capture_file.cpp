// CaptureFile: reading, writing, and the mutations.
#include "capture_file.h"

#include <zstd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "base/hash.h"
#include "capture/bytes.h"
#include "capture/format.h"
#include "commands.h"
#include "mutate.h"

extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t most);

namespace hesper::fuzz {
namespace {

using capture::ChunkType;
using capture::Coding;
using capture::EventKind;
using capture::get;
using capture::put;

constexpr std::size_t kLargestChunk = 256 * 1024;  // decoded; inputs are small, and what they decode to should be too
constexpr std::size_t kGrowth = 256;               // bytes by which one mutation may lengthen a payload
constexpr std::uint32_t kEvents = std::to_underlying(ChunkType::events);

std::size_t padded(std::size_t size) { return (size + 3) / 4 * 4; }

std::vector<std::byte> decompressed(std::span<const std::byte> stored, std::uint32_t coding, std::size_t raw) {
  if (coding != std::to_underlying(Coding::zstd)) return {stored.begin(), stored.end()};
  std::vector<std::byte> bytes(std::min(raw, kLargestChunk));
  const std::size_t size = ZSTD_decompress(bytes.data(), bytes.size(), stored.data(), stored.size());
  bytes.resize(ZSTD_isError(size) != 0 ? 0 : size);
  return bytes;
}

std::vector<CaptureEvent> events_of(std::span<const std::byte> bytes) {
  std::vector<CaptureEvent> events;
  while (bytes.size() >= capture::kEventHeaderSize) {
    const std::size_t size = get<std::uint32_t>(bytes, 4);
    const std::size_t rest = bytes.size() - capture::kEventHeaderSize;
    if (size > rest) break;
    const auto payload = bytes.subspan(capture::kEventHeaderSize, size);
    events.push_back({.kind = get<std::uint32_t>(bytes, 0), .payload = {payload.begin(), payload.end()}});
    bytes = bytes.subspan(capture::kEventHeaderSize + std::min(padded(size), rest));
  }
  return events;
}

std::vector<std::byte> bytes_of(const std::vector<CaptureEvent>& events) {
  std::vector<std::byte> bytes;
  for (const CaptureEvent& event : events) {
    put(bytes, event.kind);
    put(bytes, static_cast<std::uint32_t>(event.payload.size()));
    bytes.insert(bytes.end(), event.payload.begin(), event.payload.end());
    bytes.resize(padded(bytes.size()));
  }
  return bytes;
}

// `bytes` mutated by libFuzzer.
void mutate_bytes(std::vector<std::byte>& bytes, std::size_t growth = kGrowth) {
  const std::size_t size = bytes.size();
  bytes.resize(size + growth);
  bytes.resize(LLVMFuzzerMutate(reinterpret_cast<std::uint8_t*>(bytes.data()), size, bytes.size()));
}

// What stands before the commands in a payload that has commands; SIZE_MAX: it has none.
std::size_t header_of(std::uint32_t kind) {
  switch (EventKind{kind}) {
    case EventKind::data: return 4;
    case EventKind::nested: return 16;
    default: return SIZE_MAX;
  }
}

void mutate_commands(CaptureEvent& event, std::size_t header, fake::Random& random) {
  constexpr std::size_t kRoom = 4096;
  const std::size_t size = event.payload.size() - header;
  event.payload.resize(header + size + kRoom);
  // SAFETY: std::byte and unsigned char are one thing to libFuzzer.
  auto* commands = reinterpret_cast<std::uint8_t*>(event.payload.data() + header);
  event.payload.resize(header + mutate(commands, size, size + kRoom, static_cast<unsigned>(random.next())));
}

// Of the right form, and with numbers so small that they often are somebody's.
CaptureEvent random_event(fake::Random& random) {
  constexpr std::uint64_t kKinds = 12;
  CaptureEvent event{.kind = static_cast<std::uint32_t>(1 + random.below(kKinds)), .payload = {}};
  const auto small = [&] { put(event.payload, static_cast<std::uint32_t>(random.below(6))); };
  const auto zero = [&] { put(event.payload, std::uint32_t{0}); };
  switch (EventKind{event.kind}) {
    case EventKind::device:
    case EventKind::lost: put(event.payload, std::uint32_t{0x0a62'3d61}); break;  // "a=b\n"
    case EventKind::stream_begin: small(), zero(), small(), zero(); break;
    case EventKind::stream_end:
    case EventKind::unref:
    case EventKind::fence: small(); break;
    case EventKind::execute: small(), small(); break;
    case EventKind::blob: small(), small(), small(), zero(), put(event.payload, random.below(1 << 20)), small(); break;
    case EventKind::memory:
      small(), zero(), put(event.payload, random.below(4) * capture::kMemoryPage);
      put(event.payload, static_cast<std::uint16_t>(random.below(capture::kMemoryPage / 4)));
      put(event.payload, std::uint16_t{1});
      small();
      break;
    case EventKind::reply: small(), small(), small(), zero(), put(event.payload, random.next()); break;
    case EventKind::data: small(); break;
    case EventKind::nested: small(), small(), put(event.payload, random.below(64)); break;
  }
  if (header_of(event.kind) != SIZE_MAX) {
    const auto command = random_command(random, [&](VkObjectType type) { return some_id(random, type); });
    event.payload.insert(event.payload.end(), command.begin(), command.end());
  }
  return event;
}

void mutate_event(CaptureEvent& event, fake::Random& random) {
  const std::size_t header = header_of(event.kind);
  if (event.payload.size() > header && !random.one_in(4)) return mutate_commands(event, header, random);
  if (event.payload.size() >= 4 && random.one_in(2)) {
    const std::size_t word = random.below(event.payload.size() / 4) * 4;
    constexpr std::array<std::uint32_t, 8> kTelling{0, 1, 2, 4096, 0x7fff'ffff, 0x8000'0000, 0xffff'f000, 0xffff'ffff};
    const auto value = random.one_in(2) ? kTelling[random.below(kTelling.size())]
                                        : get<std::uint32_t>(event.payload, random.below(event.payload.size() / 4) * 4);
    return capture::set(std::span(event.payload), word, value);
  }
  mutate_bytes(event.payload);
}

void mutate_events(std::vector<CaptureEvent>& events, fake::Random& random) {
  const auto place = [&](std::size_t count) { return static_cast<std::ptrdiff_t>(random.below(count)); };
  const auto insert = [&] { events.insert(events.begin() + place(events.size() + 1), random_event(random)); };
  if (events.empty()) return insert();
  const auto chosen = events.begin() + place(events.size());
  switch (random.below(8)) {
    case 0: events.erase(chosen); return;
    case 1: events.insert(events.begin() + place(events.size()), CaptureEvent(*chosen)); return;
    case 2: std::iter_swap(chosen, events.begin() + place(events.size())); return;
    case 3: insert(); return;
    case 4: events.erase(chosen, chosen + 1 + place(static_cast<std::size_t>(events.end() - chosen))); return;
    default: mutate_event(*chosen, random); return;
  }
}

void mutate_chunks(CaptureFile& file, fake::Random& random) {
  auto& chunks = file.chunks;
  if (chunks.empty()) {
    chunks.push_back({.type = std::to_underlying(ChunkType::info), .coding = 0, .bytes = {}, .events = {}});
    return;
  }
  const auto place = [&](std::size_t count) { return static_cast<std::ptrdiff_t>(random.below(count)); };
  const auto chosen = chunks.begin() + place(chunks.size());
  switch (random.below(6)) {
    case 0: chunks.erase(chosen); return;
    case 1: chunks.insert(chunks.begin() + place(chunks.size() + 1), CaptureChunk(*chosen)); return;
    case 2: chosen->type = static_cast<std::uint32_t>(random.below(5)); return;
    case 3: chosen->coding = static_cast<std::uint32_t>(random.below(3)); return;
    case 4: chunks.insert(chunks.begin() + place(chunks.size() + 1), {.type = kEvents}); return;
    default: mutate_bytes(chosen->bytes); return;
  }
}

}  // namespace

CaptureFile CaptureFile::parse(std::span<const std::byte> file) {
  CaptureFile result;
  file = file.subspan(std::min(file.size(), capture::kFileHeaderSize));
  while (file.size() >= capture::kChunkHeaderSize) {
    CaptureChunk chunk{.type = get<std::uint32_t>(file, 0), .coding = get<std::uint32_t>(file, 4)};
    const std::size_t stored = get<std::uint32_t>(file, 8);
    const std::size_t raw = get<std::uint32_t>(file, 12);
    file = file.subspan(capture::kChunkHeaderSize);
    const auto body = file.first(std::min(stored, file.size()));
    file = file.subspan(body.size());
    chunk.bytes = decompressed(body, chunk.coding, raw);
    if (chunk.type == kEvents) {
      chunk.events = events_of(chunk.bytes);
      chunk.bytes.clear();
    }
    result.chunks.push_back(std::move(chunk));
  }
  return result;
}

std::vector<std::byte> CaptureFile::encode() const {
  constexpr int kLevel = 1;
  std::vector<std::byte> file;
  for (const std::uint8_t byte : capture::kMagic) file.push_back(std::byte{byte});
  put(file, capture::kVersion);
  put(file, std::uint32_t{0});
  for (const CaptureChunk& chunk : chunks) {
    const auto raw = chunk.type == kEvents ? bytes_of(chunk.events) : chunk.bytes;
    auto stored = raw;
    if (chunk.coding == std::to_underlying(Coding::zstd)) {
      stored.resize(ZSTD_compressBound(raw.size()));
      stored.resize(ZSTD_compress(stored.data(), stored.size(), raw.data(), raw.size(), kLevel));
    }
    std::vector<std::byte> header;
    put(header, chunk.type);
    put(header, chunk.coding);
    put(header, static_cast<std::uint32_t>(stored.size()));
    put(header, static_cast<std::uint32_t>(raw.size()));
    put(header, hash64(stored, hash64(header)));
    file.insert(file.end(), header.begin(), header.end());
    file.insert(file.end(), stored.begin(), stored.end());
  }
  return file;
}

std::size_t mutate_capture(std::uint8_t* data, std::size_t size, std::size_t most, unsigned seed) {
  fake::Random random(seed);
  constexpr std::uint64_t kPlain = 16;  // one in so many
  if (random.one_in(kPlain)) return LLVMFuzzerMutate(data, size, most);
  auto file = CaptureFile::parse(std::as_bytes(std::span(data, size)));
  const auto chunk = std::ranges::find_if(file.chunks, [&, left = random.below(4)](const CaptureChunk& each) mutable {
    return each.type == kEvents && (left-- == 0 || &each == &file.chunks.back());
  });
  constexpr std::uint64_t kOfChunks = 8;
  if (chunk == file.chunks.end() || random.one_in(kOfChunks)) {
    mutate_chunks(file, random);
  } else {
    mutate_events(chunk->events, random);
  }
  const auto bytes = file.encode();
  if (bytes.size() > most) return LLVMFuzzerMutate(data, size, most);
  std::ranges::copy(bytes, std::as_writable_bytes(std::span(data, most)).begin());
  return bytes.size();
}

}  // namespace hesper::fuzz
