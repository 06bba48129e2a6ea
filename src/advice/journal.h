// Journal: what was done to this host, in a file, with what it takes to undo it. Does nothing itself: apply.h does.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "advice/action.h"
#include "base/error.h"

namespace hesper::advice {

// A file as it was.
struct EarlierFile {
  std::string contents;
  std::uint32_t mode = 0;  // permission bits
  uid_t owner = 0;
  gid_t group = 0;
};

struct JournalEntry {
  Action action;
  std::optional<EarlierFile> earlier;               // WriteFile: none, there was no such file
  std::vector<std::filesystem::path> folders_made;  // WriteFile: for it, the outermost first
};

struct Journal {
  std::string boot;                                 // during which it was written
  std::vector<std::filesystem::path> folders_made;  // for the journal itself
  std::vector<JournalEntry> entries;                // begun or done, in order
};

// JSON, at most 16 MiB. Errors: it is not there (ENOENT), or not what write_journal() wrote.
[[nodiscard]] Result<Journal> read_journal(const std::filesystem::path& file);
// Whole or not at all, and on the disk when this returns. Only its owner may read it.
[[nodiscard]] Result<void> write_journal(const std::filesystem::path& file, const Journal& journal);

// Used by both: the whole of a regular file; and a file that is replaced in one step and on the disk afterwards.
// Errors: errno; ENOENT: it is not there; ELOOP, EISDIR, EINVAL: it is something else.
[[nodiscard]] Result<std::string> read_regular_file(const std::filesystem::path& file, std::size_t most);
[[nodiscard]] Result<void> replace_file(const std::filesystem::path& file, const EarlierFile& contents);

}  // namespace hesper::advice
