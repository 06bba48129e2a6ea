// read_file: a whole file, given as fd, in memory that does not change when the file does.
#pragma once

#include <cstddef>
#include <vector>

#include "base/error.h"

namespace hesper::cli {

// fd: borrowed, open for reading. Errors: it cannot be read, or is larger than `limit` bytes.
[[nodiscard]] Result<std::vector<std::byte>> read_file(int fd, std::size_t limit);

}  // namespace hesper::cli
