// FrameFeeds: tells subscribers what the guest's displays show (frame/protocol.h): what a picture lies in is shared
// where that can be done, else copied, and only for those who ask. Shows nothing itself.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <optional>
#include <unordered_set>
#include <vector>

#include "base/budget.h"
#include "base/unique_fd.h"
#include "device/report.h"
#include "frame/damage.h"
#include "frame/protocol.h"
#include "frame/source.h"
#include "gpu/device.h"
#include "gpu/display.h"
#include "gpu/protocol.h"
#include "link/outbox.h"
#include "platform/event_loop.h"
#include "platform/shared_memory.h"

namespace hesper::device {

// The loop's thread. Never waits for a subscriber: one that asks while its answer is still on the way, or breaks the
// protocol, is hung up on.
//
// Where frames lie, by where the guest's picture lies:
//   a blob in the window         there; the window's file is handed out for reading
//   an image of the device       there; the image moves to memory that can be shared when it is first shown
//   a blob of guest memory, and  in memory of our own, which gets a copy of what was damaged when a subscriber takes
//   all else                     the frame
class FrameFeeds final : public gpu::Display {
 public:
  static constexpr std::size_t kMost = 16;                               // subscribers
  static constexpr std::size_t kMostShared = 64;                         // images that are shared at a time
  static constexpr std::uint64_t kMostBytes = std::uint64_t{256} << 20;  // of a picture; of larger ones, no frames
  // Those of all displays may be new before the subscriber is told to forget the old ones.
  static_assert(kMostShared + 2 * gpu::VIRTIO_GPU_MAX_SCANOUTS + 1 <= frame::kMostBuffers);

  static constexpr std::uint64_t kMostCopied = std::uint64_t{512} << 20;  // bytes of all copies together

  // window: a descriptor, for reading only, of the file behind the host-visible window; nullptr: there is none.
  // loop outlives this. most_copied: for tests.
  FrameFeeds(platform::EventLoop& loop, std::shared_ptr<const UniqueFd> window,
             std::uint64_t most_copied = kMostCopied);
  ~FrameFeeds() override;

  // Before the first subscriber. The device that this is a display of; outlives this, or no subscriber does.
  void tell(gpu::Device& device) noexcept { device_ = &device; }

  [[nodiscard]] bool full() const noexcept { return subscribers_.size() >= kMost; }
  // socket: of who subscribes. When full() it is closed.
  void add(UniqueFd socket);
  [[nodiscard]] std::size_t count() const noexcept { return subscribers_.size(); }

  // The device's outputs are others than before.
  void outputs_changed() { answer(); }

  void set_scanout(std::uint32_t scanout, const gpu::Picture* picture, const gpu::Rect& part) override;
  void flushed(std::uint32_t scanout, const gpu::Rect& damage) override;
  void set_cursor(std::uint32_t scanout, const gpu::Cursor* cursor, gpu::Point position) override;
  void move_cursor(std::uint32_t scanout, gpu::Point position) override;

  // Subscribers, frames and copies; the rest of the report is left alone.
  void describe(DeviceReport& report) const;

 private:
  using Shared = std::shared_ptr<const platform::PublishedMemory>;
  using BufferId = std::uint32_t;
  static constexpr BufferId kWindowBuffer = 0;

  // Where a picture is copied to that cannot be shared.
  struct Copy {
    Shared memory;
    Budget::Charge charge;
    frame::Damage outdated;  // in pixels of the part that is shown
  };
  struct Screen {
    const gpu::Picture* picture = nullptr;  // the device's, which changes it before set_scanout()
    gpu::Rect part;
    gpu::Format format{};      // of the picture
    bool visible = false;      // something was flushed since the picture came
    std::uint64_t serial = 0;  // flushes
    std::uint64_t flushed = 0;
    gpu::Device::Work work;
    std::shared_ptr<const gpu::Cursor> cursor;
    gpu::Point position;
    std::optional<Copy> copy;
    bool complained = false;  // that it cannot be published
  };
  // What a subscriber knows of a display.
  struct Told {
    std::optional<frame::DisplayInfo> info;
    bool visible = false;
    std::uint64_t serial = 0;
    bool whole = true;     // since then, everything may have changed
    frame::Damage damage;  // if not: what has, in pixels of the display
    std::shared_ptr<const gpu::Cursor> cursor;
    gpu::Point position;
  };
  struct Subscriber {
    UniqueFd socket;
    platform::EventLoop::Watch readable;
    std::optional<link::Outbox> outbox;
    bool asks = false;
    bool lost = false;
    std::unordered_set<BufferId> buffers;
    std::vector<BufferId> forgotten;
    std::array<Told, gpu::VIRTIO_GPU_MAX_SCANOUTS> displays;
  };
  // Where a frame lies.
  struct Place {
    BufferId buffer;
    std::shared_ptr<const UniqueFd> reader;
    std::uint64_t offset;
    std::uint32_t stride;
    frame::Copies copies;
  };
  struct Known {
    BufferId id;
    std::weak_ptr<const platform::PublishedMemory> memory;
  };

  void on_readable(Subscriber& subscriber);
  // What is wrong with the request; empty: nothing.
  void execute(Subscriber& subscriber, const frame::FeedRequest& request);
  void answer();
  void answer(Subscriber& subscriber);
  [[nodiscard]] bool tell_display(Subscriber& subscriber, std::uint32_t number);
  [[nodiscard]] bool tell_frame(Subscriber& subscriber, std::uint32_t number, Told& told);
  void send(Subscriber& subscriber, const frame::FeedMessage& message, std::span<const std::byte> more = {},
            const std::shared_ptr<const UniqueFd>& fd = nullptr);
  void remove_lost();

  [[nodiscard]] std::optional<Place> place(Screen& screen);
  [[nodiscard]] std::optional<Place> place_of_copy(Screen& screen);
  [[nodiscard]] BufferId id_of(const Shared& memory);
  void forget_dead_buffers();

  platform::EventLoop& loop_;
  const std::shared_ptr<const UniqueFd> window_;
  gpu::Device* device_ = nullptr;
  Budget waiting_;
  Budget copied_;
  std::array<Screen, gpu::VIRTIO_GPU_MAX_SCANOUTS> screens_;
  std::vector<Known> known_;  // buffers that live, but for the window
  BufferId last_id_ = kWindowBuffer;
  std::list<Subscriber> subscribers_;
  FeedCounts counts_;
};

}  // namespace hesper::device
