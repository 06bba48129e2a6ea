// Files that commands are told to write. Never replaces one unless that was asked for: somebody may have worked on it.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <string_view>

#include "base/error.h"

namespace hesper::cli {

// force: replace what is there, but for its access rights. mode: of a new file, less the umask. Errors: sentences that
// name the file, and --force where that would help.
[[nodiscard]] Result<void> write_new_file(const std::filesystem::path& path, std::string_view contents, bool force,
                                          mode_t mode);

}  // namespace hesper::cli
