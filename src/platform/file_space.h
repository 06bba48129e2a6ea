// Room on a disk for a file that will grow. Writes nothing.
#pragma once

#include <cstdint>

namespace hesper::platform {

// Makes sure that these bytes of the file can be written later, without changing its size; ftruncate() gives back what
// was not needed. Returns 0, or an errno: ENOSPC, EDQUOT, EFBIG (also where this process may not write that far, as
// ulimit -f says). Where system or file system cannot reserve it returns 0, and writing may fail later.
[[nodiscard]] int reserve_file_space(int file, std::uint64_t offset, std::uint64_t length) noexcept;

}  // namespace hesper::platform
