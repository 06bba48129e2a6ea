// CaptureFile: a capture taken apart into chunks and events and put together again with right checksums, so that what
// fuzz targets change reaches the code behind the checksums. Has a reader and a writer of its own: they let everything
// pass.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace hesper::fuzz {

struct CaptureEvent {
  std::uint32_t kind = 0;
  std::vector<std::byte> payload;
};

struct CaptureChunk {
  std::uint32_t type = 0;
  std::uint32_t coding = 0;
  std::vector<std::byte> bytes;  // decoded; not of chunks of events
  std::vector<CaptureEvent> events;
};

struct CaptureFile {
  std::vector<CaptureChunk> chunks;

  // As far as there are whole chunks that can be decoded.
  [[nodiscard]] static CaptureFile parse(std::span<const std::byte> file);
  [[nodiscard]] std::vector<std::byte> encode() const;
};

// LLVMFuzzerCustomMutator for captures: changes, inserts, moves and removes events, commands in them, and chunks. Now
// and then libFuzzer's own mutations, which leave the checksums wrong.
[[nodiscard]] std::size_t mutate_capture(std::uint8_t* data, std::size_t size, std::size_t most, unsigned seed);

}  // namespace hesper::fuzz
