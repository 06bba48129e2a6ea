// Screens: what the guest shows on each scanout, kept so that somebody can be given the picture of this moment. Copies
// no pixel before it is asked to.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "base/error.h"
#include "base/unique_fd.h"
#include "device/frame_times.h"
#include "device/report.h"
#include "gpu/display.h"
#include "gpu/protocol.h"

namespace hesper::device {

// A picture of a scanout, in a file of its own that nobody changes any more: width * height pixels b8g8r8a8 without
// gaps, then, if there is a cursor, its kCursorSize * kCursorSize pixels likewise.
struct Snapshot {
  std::uint32_t width = 0;  // pixels
  std::uint32_t height = 0;
  bool has_cursor = false;
  gpu::Point cursor;          // of its top left pixel; may lie outside of the picture
  std::uint64_t flushes = 0;  // how often the guest has shown something new on this scanout
  UniqueFd pixels = UniqueFd();
};

// The device's thread.
class Screens final : public gpu::Display {
 public:
  // Bytes of a picture that take() copies at most: as long as that takes, the guest waits.
  static constexpr std::uint64_t kMostBytes = std::uint64_t{256} << 20;

  void set_scanout(std::uint32_t scanout, const gpu::Picture* picture, const gpu::Rect& part) override;
  void flushed(std::uint32_t scanout, const gpu::Rect& damage) override;
  void set_cursor(std::uint32_t scanout, const gpu::Cursor* cursor, gpu::Point position) override;
  void move_cursor(std::uint32_t scanout, gpu::Point position) override;

  // What the scanout shows now, which may be newer than what was flushed. scanout: any.
  // Errors: ENODATA (it shows nothing), EINVAL (there is no such scanout), EFBIG, ENOMEM, EFAULT (the picture lies in
  // memory that this process cannot read).
  [[nodiscard]] Result<Snapshot> take(std::uint32_t scanout);

  // What is shown, cursors, flushes and snapshots; the rest of the report is left alone.
  void describe(DeviceReport& report) const;

 private:
  struct Screen {
    const gpu::Picture* picture = nullptr;
    gpu::Rect part;
    std::optional<gpu::Cursor> cursor;
    gpu::Point position;
    FrameTimes flushes;
  };
  std::array<Screen, gpu::VIRTIO_GPU_MAX_SCANOUTS> screens_;
  std::uint64_t snapshots_ = 0;
  std::uint64_t snapshot_bytes_ = 0;
};

}  // namespace hesper::device
