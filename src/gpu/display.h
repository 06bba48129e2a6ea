// Display: who is told what the guest shows on its scanouts. A frame source implements it; this room knows no viewer.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>

#include "gpu/formats.h"
#include "gpu/geometry.h"
#include "platform/shared_memory.h"

namespace hesper::gpu {

class HostBlob;

// The memory that a picture lies in. What the guest owns of it may change at any time.
class PixelMemory {
 public:
  virtual ~PixelMemory() = default;
  // All of it, if it is contiguous in this process; else empty.
  [[nodiscard]] virtual std::span<const std::byte> bytes() const noexcept = 0;
  // Copies from `offset`. False: not all of it is there (any more); what is in `to` is then undefined.
  [[nodiscard]] virtual bool read(std::uint64_t offset, std::span<std::byte> to) const noexcept = 0;
  // For displays that hand it to other processes, which can then map all of it for reading: from now on, its bytes lie
  // there. Expires when the guest frees the memory. nullptr: that is not possible, so that pixels must be copied.
  [[nodiscard]] virtual std::shared_ptr<const platform::PublishedMemory> share() { return nullptr; }
};

// An image in memory. offset + stride * (height - 1) + 4 * width is within what the guest said the memory's size was.
struct Picture {
  Format format = Format::b8g8r8x8;
  std::uint32_t width = 0;   // pixels
  std::uint32_t height = 0;  // likewise
  std::uint64_t offset = 0;  // bytes to the first pixel
  std::uint32_t stride = 0;  // bytes from row to row
  PixelMemory* memory = nullptr;
  // It lies in a blob, where the guest draws it. False: in an image of the device, which transfers bring up to date.
  bool in_blob = false;
  // For displays that share memory rather than copy it: the blob, and where in the window it lies, if it is mapped.
  HostBlob* blob = nullptr;
  std::optional<std::uint64_t> window_offset;
  // Differs for each resource that ever was, unlike its id.
  std::uint64_t resource_serial = 0;
};

// Copies the pixels of `part`, which fits the picture, to rows that are to_stride bytes apart. to: to_stride * (height
// of part - 1) + 4 * width of part, or more. False: the memory is gone.
[[nodiscard]] bool copy_pixels(const Picture& picture, const Rect& part, std::span<std::byte> to,
                               std::size_t to_stride);

inline constexpr std::uint32_t kCursorSize = 64;  // pixels, both ways

struct Cursor {
  // b8g8r8a8, as the guest has it (stock Linux: premultiplied), without gaps.
  std::array<std::byte, std::size_t{kBytesPerPixel} * kCursorSize * kCursorSize> pixels;
  std::uint32_t hot_x;  // below kCursorSize
  std::uint32_t hot_y;
};

// Called on the device's thread. Must not wait, nor call the device.
class Display {
 public:
  virtual ~Display() = default;
  // From now on the scanout shows `part` of the picture. nullptr: nothing. The picture is valid until the next call of
  // this kind for the scanout; the guest flushes what it wants to be seen.
  virtual void set_scanout(std::uint32_t scanout, const Picture* picture, const Rect& part) = 0;
  // `damage`, in pixels of the picture and within `part`, has new content. When this returns, the guest may overwrite
  // it: what is needed later must have been copied.
  virtual void flushed(std::uint32_t scanout, const Rect& damage) = 0;
  // nullptr: no cursor. position: of the cursor's top left pixel; may lie outside of the scanout.
  virtual void set_cursor(std::uint32_t scanout, const Cursor* cursor, Point position) = 0;
  virtual void move_cursor(std::uint32_t scanout, Point position) = 0;
};

}  // namespace hesper::gpu
