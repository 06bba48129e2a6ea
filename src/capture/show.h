// show: what is in a capture, for people: one line a command, and a summary. Pure functions over bytes that trust
// nothing; they print nothing themselves.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/error.h"
#include "capture/reader.h"

namespace hesper::capture {

// One line: a command, or what else crossed the door.
struct Line {
  enum class Kind : std::uint8_t { command, nested, event };
  Kind kind = Kind::event;
  std::uint64_t number = 0;  // of the command, from 1; nested commands have that of the one that executes them
  std::optional<std::uint32_t> stream;
  std::uint32_t type = 0;  // wire::CommandType, of commands
  std::string text;
  std::span<const std::byte> bytes{};  // of commands that are not malformed; until the callback returns
};

struct ShowOptions {
  std::uint64_t first = 1;  // commands; events stand between them
  std::uint64_t last = UINT64_MAX;
  std::optional<std::uint32_t> stream;  // only what belongs to it
};

// Calls `line` in the order of the capture. Errors: the file is damaged or contradicts itself; what came before was
// shown. True if the capture has its end, false if it is cut off.
[[nodiscard]] Result<bool> show(std::span<const std::byte> file, const ShowOptions& options,
                                const std::function<void(const Line&)>& line);

struct Summary {
  Info info;
  std::vector<Info> devices;
  std::map<std::uint32_t, std::uint64_t> commands;  // wire::CommandType to how many, nested ones included
  std::uint64_t command_count = 0;                  // not nested
  std::uint64_t nested_count = 0;
  std::uint64_t streams = 1;
  std::uint64_t command_bytes = 0;
  std::uint64_t blobs = 0;
  std::uint64_t blob_bytes = 0;
  std::uint64_t memory_pages = 0;  // of memory events
  std::uint64_t memory_bytes = 0;
  std::uint64_t fences = 0;
  std::uint64_t replies = 0;
  std::optional<std::string> lost;
  std::optional<Totals> totals;  // nullopt: the capture is cut off
};

// Errors: as of show().
[[nodiscard]] Result<Summary> summarize(std::span<const std::byte> file);

}  // namespace hesper::capture
