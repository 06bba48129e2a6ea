// WindowFile: an ordered map of what is in use, and a list of who waits.
#include "device/window_file.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace hesper::device {

Result<std::unique_ptr<WindowFile>> WindowFile::create(platform::EventLoop& loop, UniqueFd fd, std::uint64_t size) {
  auto mapping = platform::Mapping::map(fd.get(), size);
  if (!mapping) return std::unexpected(std::move(mapping.error()));
  return std::unique_ptr<WindowFile>(new WindowFile(loop, std::move(fd), std::move(*mapping)));
}

bool WindowFile::is_free(const gpu::WindowRange& range) const noexcept {
  const auto next = used_.lower_bound(range.offset);
  if (next != used_.end() && next->first - range.offset < range.size) return false;
  if (next == used_.begin()) return true;
  const auto previous = std::prev(next);
  return range.offset - previous->first >= previous->second;
}

std::shared_ptr<const WindowFile::Use> WindowFile::take(const gpu::WindowRange& range) {
  if (!is_free(range)) return nullptr;
  used_.emplace(range.offset, range.size);
  return std::make_shared<const Use>(*this, range);
}

void WindowFile::give(const gpu::WindowRange& range) {
  platform::discard(fd_->get(), mapping_, {.offset = range.offset, .size = range.size});
  used_.erase(range.offset);
  if (requests_.empty() || std::exchange(grant_posted_, true)) return;
  loop_.post([this, alive = std::weak_ptr(alive_)] {
    if (alive.expired()) return;
    grant_posted_ = false;
    grant();
  });
}

void WindowFile::grant() {
  for (;;) {
    // Anew each time, as who is called may ask for more, or withdraw.
    const auto found = std::ranges::find_if(requests_, [this](const Request* one) { return is_free(one->range_); });
    if (found == requests_.end()) return;
    Request& request = **found;
    requests_.erase(found);
    const Granted granted = std::move(request.granted_);
    granted(take(request.range_));
  }
}

}  // namespace hesper::device
