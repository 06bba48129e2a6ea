// CaptureFiles: names and open().
#include "supervisor/capture_files.h"

#include <fcntl.h>
#include <fmt/format.h>

#include <cerrno>
#include <utility>

namespace hesper::supervisor {
namespace {

Result<UniqueFd> make(const std::filesystem::path& path) {
  // What a program draws is its user's business alone.
  UniqueFd file(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  if (!file) return fail_errno(fmt::format("The capture file '{}' cannot be made", path.native()), errno);
  return file;
}

}  // namespace

Result<CaptureFiles> CaptureFiles::create(std::filesystem::path first) {
  auto file = make(first);
  if (!file) return std::unexpected(std::move(file.error()));
  return CaptureFiles(std::move(first), std::move(*file));
}

Result<UniqueFd> CaptureFiles::next() {
  ++used_;
  if (used_ == 1) return std::move(opened_);
  auto path = first_;
  path.replace_filename(fmt::format("{}-{}{}", first_.stem().native(), used_, first_.extension().native()));
  return make(path);
}

}  // namespace hesper::supervisor
