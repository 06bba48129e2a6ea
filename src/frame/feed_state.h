// FeedState: the subscriber's end of a feed without its socket and thread: reads its messages, keeps what they tell,
// and deals it out to readers. Every number in them is checked before it is used.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <unordered_map>
#include <vector>

#include "base/error.h"
#include "base/unique_fd.h"
#include "frame/damage.h"
#include "frame/frame.h"
#include "frame/protocol.h"
#include "frame/source.h"
#include "gpu/protocol.h"

namespace hesper::frame {

// Any thread, but for receive(), which one thread calls. Held by shared_ptr, as its readers hold it too.
class FeedState : public std::enable_shared_from_this<FeedState> {
 public:
  FeedState();

  // Bytes of the feed, in any pieces, and the fds that came with them. now: nanoseconds, as StageTimes::received.
  // True: an answer has ended with these bytes. Errors: they break the protocol; the feed is of no more use.
  [[nodiscard]] Result<bool> receive(std::span<const std::byte> bytes, std::vector<UniqueFd> fds, std::uint64_t now);
  // The feed is gone: readers are told.
  void end();

  // As Source has them.
  [[nodiscard]] std::unique_ptr<Reader> subscribe(std::uint32_t display, std::function<void()> on_news);
  [[nodiscard]] DisplayInfo info(std::uint32_t display) const;

  // Buffers that are known.
  [[nodiscard]] std::size_t buffers() const;

 private:
  class DisplayReader;
  struct Display {
    std::optional<Frame> frame;  // the newest, without damage
    std::optional<Cursor> cursor;
    DisplayInfo info;
    std::list<DisplayReader*> readers;
  };

  [[nodiscard]] Result<void> take(const FeedMessage& message, std::span<const std::byte> shape, std::uint64_t now);
  [[nodiscard]] Result<void> take_buffer(const FeedMessage& message);
  [[nodiscard]] Result<void> take_frame(const FeedMessage& message, std::uint64_t now);
  [[nodiscard]] Result<void> take_cursor(const FeedMessage& message, std::span<const std::byte> shape);

  // Of receive()'s thread.
  std::vector<std::byte> partial_;
  std::deque<UniqueFd> fds_;

  mutable std::mutex mutex_;
  bool ended_ = false;
  std::unordered_map<std::uint32_t, std::shared_ptr<const PixelBuffer>> buffers_;
  std::array<Display, gpu::VIRTIO_GPU_MAX_SCANOUTS> displays_;
};

}  // namespace hesper::frame
