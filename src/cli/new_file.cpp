// Files that commands are told to write.
#include "cli/new_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "base/unique_fd.h"

namespace hesper::cli {

Result<void> write_new_file(const std::filesystem::path& path, std::string_view contents, bool force, mode_t mode) {
  const int flags = O_WRONLY | O_CREAT | O_CLOEXEC | (force ? O_TRUNC : O_EXCL);
  const UniqueFd file(::open(path.c_str(), flags, mode));
  if (!file && errno == EEXIST)
    return fail(fmt::format("'{}' exists. Choose another name, or --force to replace it.", path.native()), EEXIST);
  if (!file) return fail_errno(fmt::format("'{}' cannot be written", path.native()), errno);
  while (!contents.empty()) {
    const ssize_t written = ::write(file.get(), contents.data(), contents.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return fail_errno(fmt::format("'{}' cannot be written", path.native()), errno);
    contents.remove_prefix(static_cast<std::size_t>(written));
  }
  return {};
}

}  // namespace hesper::cli
