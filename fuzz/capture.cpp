// Fuzz target: capture files, which are files from strangers: the reader, and `hesper capture show` and `info`. What
// replaying one does is replay.cpp.
#include <cstddef>
#include <cstdint>
#include <span>

#include "base/check.h"
#include "capture/reader.h"
#include "capture/show.h"
#include "capture_file.h"

namespace {

using namespace hesper;

// True if the whole file can be read.
bool read(std::span<const std::byte> file) {
  auto reader = capture::Reader::open(file);
  if (!reader) return false;
  for (;;) {
    const auto event = reader->next();
    if (!event) return false;
    if (!*event) return reader->totals().has_value();
    if (const auto* change = std::get_if<capture::MemoryChange>(&**event)) {
      for (const capture::MemoryRun& run : change->runs) {
        HESPER_CHECK(run.offset + run.bytes.size() <= capture::kMemoryPage);
      }
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto file = std::as_bytes(std::span(data, size));
  const bool readable = read(file);
  std::uint64_t commands = 0;
  const auto shown = capture::show(file, {}, [&](const capture::Line& line) {
    if (line.kind == capture::Line::Kind::command) ++commands;
    // For a terminal: a capture must not be able to say anything to one.
    for (const char c : line.text) HESPER_CHECK(c >= ' ' && c <= '~');
  });
  const auto summary = capture::summarize(file);
  HESPER_CHECK(shown.has_value() == summary.has_value());
  if (shown) HESPER_CHECK(*shown == readable && summary->command_count == commands);
  return 0;
}

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t most, unsigned seed) {
  return fuzz::mutate_capture(data, size, most, seed);
}
