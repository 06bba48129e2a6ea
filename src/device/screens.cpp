// Screens: remembers, and copies when asked.
#include "device/screens.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstring>
#include <span>
#include <utility>
#include <vector>

#include "platform/shared_memory.h"

namespace hesper::device {

void Screens::set_scanout(std::uint32_t scanout, const gpu::Picture* picture, const gpu::Rect& part) {
  screens_[scanout].picture = picture;
  screens_[scanout].part = part;
}

void Screens::flushed(std::uint32_t scanout, const gpu::Rect&) {
  screens_[scanout].flushes.note(FrameTimes::Clock::now());
}

void Screens::set_cursor(std::uint32_t scanout, const gpu::Cursor* cursor, gpu::Point position) {
  Screen& screen = screens_[scanout];
  if (cursor == nullptr)
    screen.cursor.reset();
  else
    screen.cursor = *cursor;
  screen.position = position;
}

void Screens::move_cursor(std::uint32_t scanout, gpu::Point position) { screens_[scanout].position = position; }

Result<Snapshot> Screens::take(std::uint32_t scanout) {
  if (scanout >= screens_.size()) return fail(fmt::format("There is no display {}.", scanout), EINVAL);
  const Screen& screen = screens_[scanout];
  if (screen.picture == nullptr || screen.part.empty())
    return fail(fmt::format("Display {} shows nothing.", scanout), ENODATA);
  const std::uint64_t row = std::uint64_t{screen.part.width} * gpu::kBytesPerPixel;
  const std::uint64_t picture = row * screen.part.height;
  if (picture > kMostBytes)
    return fail(fmt::format("The picture of display {} takes {} bytes, more than the {} that are copied at once.",
                            scanout, picture, kMostBytes),
                EFBIG);
  const std::uint64_t cursor = screen.cursor ? screen.cursor->pixels.size() : 0;
  auto file = platform::create_shared_memory("hesper-snapshot", picture + cursor);
  if (!file) return std::unexpected(std::move(file.error()));
  auto mapping = platform::Mapping::map(file->get(), picture + cursor);
  if (!mapping) return std::unexpected(std::move(mapping.error()));
  // Through a row of our own: the guest may still write to where the picture lies.
  std::vector<std::byte> pixels(row);
  for (std::uint32_t y = 0; y < screen.part.height; ++y) {
    const gpu::Rect line{.x = screen.part.x, .y = screen.part.y + y, .width = screen.part.width, .height = 1};
    if (!gpu::copy_pixels(*screen.picture, line, pixels, row))
      return fail(fmt::format("The picture of display {} lies in memory that cannot be read.", scanout), EFAULT);
    gpu::convert_to_b8g8r8a8(screen.picture->format, pixels, mapping->bytes().subspan(y * row, row));
  }
  if (screen.cursor) std::memcpy(mapping->data() + picture, screen.cursor->pixels.data(), cursor);
  ++snapshots_;
  snapshot_bytes_ += picture;
  return Snapshot{.width = screen.part.width,
                  .height = screen.part.height,
                  .has_cursor = screen.cursor.has_value(),
                  .cursor = screen.position,
                  .flushes = screen.flushes.count(),
                  .pixels = std::move(*file)};
}

void Screens::describe(DeviceReport& report) const {
  for (std::size_t i = 0; i < screens_.size(); ++i) {
    const Screen& screen = screens_[i];
    DisplayReport& to = report.displays[i];
    if (screen.picture != nullptr) {
      to.shown_width = screen.part.width;
      to.shown_height = screen.part.height;
      to.shows_blob = screen.picture->in_blob ? 1 : 0;
    }
    to.has_cursor = screen.cursor ? 1 : 0;
    to.flushes = screen.flushes.count();
    to.intervals = screen.flushes.intervals();
  }
  report.snapshots = snapshots_;
  report.snapshot_bytes = snapshot_bytes_;
}

}  // namespace hesper::device
