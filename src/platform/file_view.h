// FileView: the files that a confined process may still see, and two ways to bring that about. Which files a driver
// needs is src/sandbox's business.
#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

#include "base/error.h"

namespace hesper::platform {

// Paths are absolute; one that does not exist is left out. A folder stands for all that is below it.
struct FileView {
  std::vector<std::filesystem::path> readable;     // libraries there can be loaded
  std::vector<std::filesystem::path> writable;     // folders of which nothing is ever executed
  std::vector<std::filesystem::path> devices;      // readable and writable: device nodes, and folders of them
  std::vector<std::filesystem::path> process;      // of /proc, beside the process's own folder
  std::uint64_t scratch_bytes = 16 * 1024 * 1024;  // the most that /tmp and /dev/shm may hold together
};

// Replaces the process's root by an empty one with the view in it. Beside what is writable in
// the view there are only /tmp and /dev/shm to write to, which are the process's own and vanish with it. Files that are
// open stay open. The current directory becomes "/". Takes a mount namespace of our own, see own_namespaces.h. On error
// the old root is still there.
[[nodiscard]] Result<void> enter_file_view(const FileView& view);

// Keeps the root, and lets the kernel refuse every file that is opened outside of the view. There is no scratch space,
// names and attributes of other files can still be found out, and of /proc the whole can be read as far as the user
// may. For all threads that start from here on. Call it after forbid_new_privileges().
[[nodiscard]] Result<void> restrict_to_file_view(const FileView& view);

}  // namespace hesper::platform
