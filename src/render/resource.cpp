// Resource: its mapping and its end.
#include "render/resource.h"

#include <sys/stat.h>

#include <cerrno>

namespace hesper::render {

Result<std::uint64_t> file_size(int fd) {
  struct stat file{};
  if (::fstat(fd, &file) != 0) return fail_errno("Reading the size of shared memory fails", errno);
  return static_cast<std::uint64_t>(file.st_size);
}

Resource::~Resource() {
  mapping_ = {};
  if (released_) released_();
}

Result<std::span<std::byte>> Resource::map() {
  // Pages of the host may be larger than the client's.
  const std::uint64_t page = platform::page_size();
  const std::uint64_t begin = offset / page * page;
  const std::scoped_lock lock(mutex_);
  if (mapping_.data() == nullptr) {
    auto mapping = platform::Mapping::map(file->get(), size + (offset - begin), begin);
    if (!mapping) return std::unexpected(std::move(mapping.error()));
    mapping_ = std::move(*mapping);
  }
  return mapping_.bytes().subspan(offset - begin, size);
}

}  // namespace hesper::render
