// The feed: what hesper-gpu tells a subscriber of its displays, over a control connection that was turned into one
// (device/control.h). Both ends are of one build; the version says if they are not.
//
// The subscriber asks, and is answered when there is something that it has not been told: so one that is slow, or never
// asks, costs nothing, and what happens meanwhile becomes one answer. An answer is a row of messages that ends with
// `done`. Pixels never go over the connection, but for those of cursors: a buffer is a file, sent once.
//
// hesper-gpu trusts no subscriber: requests have a fixed size, a second question before the first one is answered ends
// the connection, and no buffer can be written to. A subscriber trusts hesper-gpu to be Hesper, yet checks every
// number, as the guest chose many of them.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "frame/damage.h"
#include "gpu/display.h"

namespace hesper::frame {

inline constexpr std::uint32_t kFeedVersion = 0x48460001;  // first in every message

enum class FeedQuestion : std::uint32_t {
  next = 1,          // an answer is due
  ask_for_mode = 2,  // of a display, by Source's rules; there is no answer
};

struct FeedRequest {
  std::uint32_t version = kFeedVersion;
  FeedQuestion question{};
  // ask_for_mode:
  std::uint32_t display = 0;
  std::uint32_t width = 0;        // pixels
  std::uint32_t height = 0;       // likewise
  std::uint32_t refresh_mhz = 0;  // millihertz; 0: as it is
  std::array<std::uint32_t, 2> padding{};
};
static_assert(sizeof(FeedRequest) == 32);

enum class FeedKind : std::uint32_t {
  buffer = 1,  // an fd comes with it: from now on `buffer` is that file, which can be mapped for reading
  forget = 2,  // no frame will lie in `buffer` any more
  info = 3,    // DisplayInfo of `display`
  frame = 4,   // a frame of `display`, in a buffer that was told before
  blank = 5,   // `display` shows nothing any more
  cursor = 6,  // of `display`, as it is now; if shape_follows, kCursorBytes come behind this message
  done = 7,    // the answer's end
};

inline constexpr std::size_t kCursorBytes = sizeof(gpu::Cursor::pixels);
// Buffers that a subscriber knows at a time.
inline constexpr std::size_t kMostBuffers = 128;

struct FeedMessage {
  std::uint32_t version = kFeedVersion;
  FeedKind kind{};
  std::uint32_t display = 0;
  std::uint32_t buffer = 0;
  // info, frame:
  std::uint32_t width = 0;
  std::uint32_t height = 0;
  // info:
  std::uint32_t connected = 0;  // 0 or 1
  std::uint32_t refresh_mhz = 0;
  // frame:
  std::uint32_t format = 0;  // gpu::Format
  std::uint32_t stride = 0;
  std::uint64_t offset = 0;
  std::uint64_t serial = 0;
  std::uint64_t submitted = 0;  // this and the next: as StageTimes has them
  std::uint64_t rendered = 0;
  std::uint64_t flushed = 0;
  std::uint64_t published = 0;
  std::uint32_t copies = 0;  // frame::Copies
  std::uint32_t damage_count = 0;
  std::array<gpu::Rect, Damage::kMost> damage{};  // since the frame that this subscriber was told before
  // cursor:
  std::uint32_t has_cursor = 0;     // 0 or 1; 0: the rest does not count
  std::uint32_t shape_follows = 0;  // 0 or 1; 0: as it was
  std::int32_t x = 0;
  std::int32_t y = 0;
  std::uint32_t hot_x = 0;
  std::uint32_t hot_y = 0;
};
static_assert(std::has_unique_object_representations_v<FeedMessage>);

}  // namespace hesper::frame
