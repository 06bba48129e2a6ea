// Source: the displays of one guest, for any number of readers, each of which takes the newest frame at its own pace.
// Who does not take costs nothing and delays nobody.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>

#include "base/error.h"
#include "frame/frame.h"

namespace hesper::frame {

// What a display is, whether or not somebody draws on it.
struct DisplayInfo {
  bool connected = false;
  std::uint32_t width = 0;        // pixels; of the mode that the guest is offered
  std::uint32_t height = 0;       // likewise
  std::uint32_t refresh_mhz = 0;  // millihertz
  friend bool operator==(const DisplayInfo&, const DisplayInfo&) = default;
};

// What has changed since the reader's last take(). Several changes are one.
struct News {
  std::optional<Frame> frame;       // a new one
  bool blank = false;               // the display shows nothing any more; then there is no frame
  std::optional<Cursor> cursor;     // as it is now, if it is another
  std::optional<DisplayInfo> info;  // likewise
  bool ended = false;               // the device is gone; nothing will ever come
};

// One display, for one who shows it. Any thread, one at a time.
class Reader {
 public:
  virtual ~Reader() = default;
  // The first call has everything that is known.
  [[nodiscard]] virtual News take() = 0;
};

// Any thread. Outlives its readers.
class Source {
 public:
  virtual ~Source() = default;
  // display: below gpu::VIRTIO_GPU_MAX_SCANOUTS. on_news: called when there is something to take and there was nothing
  // before, also before this returns; on any thread, so it must only wake somebody, and must not call the source.
  [[nodiscard]] virtual std::unique_ptr<Reader> subscribe(std::uint32_t display, std::function<void()> on_news) = 0;
  // Now. Any display number.
  [[nodiscard]] virtual DisplayInfo info(std::uint32_t display) const = 0;
  // Asks the guest for another mode; whether it follows shows in the frames. refresh_mhz 0: as it is. Does not wait;
  // what cannot be done is logged.
  virtual void ask_for_mode(std::uint32_t display, std::uint32_t width, std::uint32_t height,
                            std::uint32_t refresh_mhz) = 0;
};

}  // namespace hesper::frame
