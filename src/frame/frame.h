// Frame and Cursor: what a display of a guest shows, as those get it who show it to people: screens, encoders,
// recorders. Knows neither the device nor any of them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "gpu/display.h"
#include "gpu/formats.h"
#include "gpu/geometry.h"

namespace hesper::frame {

// Memory that pictures lie in, mapped for reading. The guest may write to it at any time, so that what is read once
// may read otherwise the next time; the mapping itself never faults. Any thread.
class PixelBuffer {
 public:
  virtual ~PixelBuffer() = default;
  [[nodiscard]] virtual std::span<const std::byte> bytes() const noexcept = 0;
};

// What the processor had to copy until the frame was published.
enum class Copies : std::uint8_t {
  none,      // the picture lies where the guest's driver draws it
  transfer,  // the guest's own transfer to an image of the device
  gathered,  // hesper-gpu has copied it out of guest memory
};

[[nodiscard]] constexpr const char* name_of(Copies copies) noexcept {
  constexpr const char* kNames[] = {"none", "transfer", "gathered"};
  return kNames[static_cast<std::size_t>(copies)];
}

// When a frame got how far: nanoseconds on the host's monotonic clock (std::chrono::steady_clock); 0: not known.
// docs/latency.md says what each one means and what it cannot tell.
struct StageTimes {
  std::uint64_t submitted = 0;  // the newest work for the GPU that had ended by then arrived here
  std::uint64_t rendered = 0;   // that work's fence was signalled
  std::uint64_t flushed = 0;    // RESOURCE_FLUSH arrived here
  std::uint64_t published = 0;  // hesper-gpu sent it to this subscriber
  std::uint64_t received = 0;   // it arrived in this process
};

// A picture of a display, from the flush that `times` tell of or a little newer. Width, height, stride and offset are
// checked: every row lies within the buffer.
struct Frame {
  // Of the display: counts its flushes. Gaps are frames that nobody took.
  std::uint64_t serial = 0;
  std::shared_ptr<const PixelBuffer> buffer;  // not null; keeps the memory mapped
  gpu::Format format = gpu::Format::b8g8r8x8;
  std::uint32_t width = 0;   // pixels, not 0
  std::uint32_t height = 0;  // likewise
  std::uint64_t offset = 0;  // bytes to the first pixel
  std::uint32_t stride = 0;  // bytes from row to row
  // What differs from the frame that this reader took before: rectangles within the picture, at least one, which may
  // overlap. A picture of another size or format is damaged as a whole.
  std::vector<gpu::Rect> damage;
  Copies copies = Copies::none;
  StageTimes times;

  // 4 * width bytes of row y < height.
  [[nodiscard]] std::span<const std::byte> row(std::uint32_t y) const noexcept {
    return buffer->bytes().subspan(offset + std::uint64_t{stride} * y, std::size_t{gpu::kBytesPerPixel} * width);
  }
};

// The pointer's picture, which is not part of frames.
struct Cursor {
  // b8g8r8a8, premultiplied, gpu::kCursorSize both ways; nullptr: the guest shows none. Another pointer is another
  // picture.
  std::shared_ptr<const gpu::Cursor> shape;
  gpu::Point position;  // of its top left pixel, in pixels of the display; may lie outside

  friend bool operator==(const Cursor&, const Cursor&) = default;
};

}  // namespace hesper::frame
