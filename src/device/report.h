// DeviceReport: how a hesper-gpu is doing, as `hesper top` and `hesper display list` get it: a file with one of these,
// which nobody changes any more. Plain numbers; what they are counted from is the guest's doing.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <type_traits>

#include "gpu/protocol.h"

namespace hesper::device {

struct DisplayReport {
  static constexpr std::size_t kIntervals = 512;

  std::uint32_t connected = 0;    // 0 or 1
  std::uint32_t width = 0;        // pixels; of the mode that the guest is offered
  std::uint32_t height = 0;       // likewise
  std::uint32_t refresh_mhz = 0;  // millihertz
  std::uint32_t shown_width = 0;  // pixels; of what the guest shows, 0: nothing
  std::uint32_t shown_height = 0;
  std::uint32_t shows_blob = 0;  // 0 or 1: it lies where the guest draws it; else in an image, a copy
  std::uint32_t has_cursor = 0;  // 0 or 1
  std::uint64_t flushes = 0;     // since the device began
  // Microseconds between a flush and the one before, the newest at (flushes - 1) % kIntervals; 0 for the very first
  // flush. Longer ones than fit are as long as fits.
  std::array<std::uint32_t, kIntervals> intervals{};
};

// What subscribers of the displays were told since the device began.
struct FeedCounts {
  static constexpr std::size_t kDelays = 512;

  std::uint64_t subscribers = 0;          // now
  std::uint64_t shared_images = 0;        // now
  std::array<std::uint64_t, 3> frames{};  // by frame::Copies; one that two subscribers were told counts twice
  std::uint64_t gathers = 0;              // copies of rectangles that could not be shared
  std::uint64_t gathered_bytes = 0;
  // Microseconds from flush to publication, the newest at (delay_count - 1) % kDelays.
  std::uint64_t delay_count = 0;
  std::array<std::uint32_t, kDelays> delays{};

  void note_delay(std::uint64_t nanoseconds) noexcept {
    delays[delay_count++ % kDelays] =
        static_cast<std::uint32_t>(std::min<std::uint64_t>(nanoseconds / 1000, 0xFFFF'FFFF));
  }
};

// The worker of one of the guest's contexts.
struct WorkerReport {
  std::uint32_t context = 0;  // the guest's id
  std::uint32_t blobs = 0;    // that it was given
  std::uint64_t blob_bytes = 0;
  std::uint64_t waiting_bytes = 0;  // of orders that it has not taken yet
  std::array<char, 64> name{};      // as the guest calls it; printable, ended by zero
};

struct DeviceReport {
  static constexpr std::size_t kMostWorkers = 64;

  std::uint64_t time_ns = 0;    // of the report, on the host's monotonic clock
  std::uint64_t uptime_ns = 0;  // of the process
  std::uint32_t display_count = 0;
  std::uint32_t has_guest = 0;  // 0 or 1: a driver has sent a command by now
  // Now.
  std::uint64_t resources = 0;
  std::uint64_t contexts = 0;  // those with a capset, and those that Linux makes for programs that draw without
  std::uint64_t mapped_blobs = 0;
  std::uint64_t waiting_requests = 0;
  std::uint64_t host_memory = 0;  // bytes of images, lists of backings and attachments
  // Since the device began; the copies are those by the processor.
  std::uint64_t commands = 0;
  std::uint64_t submissions = 0;
  std::uint64_t submitted_bytes = 0;
  std::uint64_t transfers = 0;  // of pixels from guest memory to images here
  std::uint64_t transferred_bytes = 0;
  std::uint64_t snapshots = 0;  // for hesper screenshot
  std::uint64_t snapshot_bytes = 0;
  FeedCounts feeds;
  std::uint64_t worker_count = 0;  // of which the first kMostWorkers are in `workers`
  std::array<WorkerReport, kMostWorkers> workers{};
  std::array<DisplayReport, gpu::VIRTIO_GPU_MAX_SCANOUTS> displays{};
};
static_assert(std::is_trivially_copyable_v<DeviceReport>);

}  // namespace hesper::device
