// Outputs: what the guest is told about its screens: display info, EDIDs and the event that they changed. Does not know
// what the screens show (scanouts.h).
#pragma once

#include <cstdint>
#include <vector>

#include "base/error.h"
#include "gpu/edid.h"
#include "gpu/geometry.h"
#include "gpu/protocol.h"

namespace hesper::gpu {

struct Output {
  bool connected = true;
  Monitor monitor;
  // Position in the guest's desktop, pixels. A hint.
  std::uint32_t x = 0;
  std::uint32_t y = 0;
  friend bool operator==(const Output&, const Output&) = default;
};

// Linux reads all EDIDs, then the display info, then clears the event, and a mode whose EDID and display info differ is
// dropped: the screen stays dark. So all answers from the first GET_EDID to GET_DISPLAY_INFO come from one snapshot. A
// change in between is shown after it, and raised once more if the guest clears the event without having seen it.
class Outputs {
 public:
  // 1 to 16.
  explicit Outputs(std::vector<Output> outputs);

  [[nodiscard]] static Result<void> check(const Output& output);

  [[nodiscard]] std::uint32_t count() const noexcept { return static_cast<std::uint32_t>(wanted_.size()); }
  // scanout: below count(). What was set last, whether the guest has read it or not.
  [[nodiscard]] const Output& get(std::uint32_t scanout) const noexcept { return wanted_[scanout]; }
  // True: the guest must be told (events() has changed).
  [[nodiscard]] bool set(std::uint32_t scanout, Output output);

  // What the guest asks. scanout: below count().
  [[nodiscard]] std::vector<std::byte> edid(std::uint32_t scanout);
  [[nodiscard]] virtio_gpu_resp_display_info display_info();

  // events_read.
  [[nodiscard]] std::uint32_t events() const noexcept { return events_; }
  // A write to events_clear. True: the guest must be told that there is an event again.
  [[nodiscard]] bool clear_events(std::uint32_t events);
  // The guest starts anew, and will read everything.
  void reset();

 private:
  void begin_reading();

  std::vector<Output> wanted_;
  std::vector<Output> told_;      // the snapshot
  std::uint32_t edids_read_ = 0;  // of the snapshot, a bit a scanout; not 0: the guest is reading
  bool unread_ = false;           // wanted_ changed since the guest's last display info
  std::uint32_t events_ = 0;
};

}  // namespace hesper::gpu
