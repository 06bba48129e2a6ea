// ControlConnections: answers what comes over control connections (control.h), and hands over those that become
// something else. Accepts none itself.
#pragma once

#include <cstddef>
#include <cstdint>
#include <list>

#include "base/error.h"
#include "base/unique_fd.h"
#include "device/control.h"
#include "device/frame_feeds.h"
#include "device/input_channels.h"
#include "device/input_tap.h"
#include "device/screens.h"
#include "device/worker_contexts.h"
#include "gpu/device.h"
#include "platform/event_loop.h"

namespace hesper::device {

// The loop's thread. Never waits: who does not read his reply, or sends half a request, loses his connection.
class ControlConnections {
 public:
  static constexpr std::size_t kMost = 16;  // open at a time; further ones are closed

  // All outlive this.
  ControlConnections(platform::EventLoop& loop, gpu::Device& device, Screens& screens, FrameFeeds& feeds,
                     InputChannels& inputs, InputTap& tap) noexcept
      : loop_(loop), device_(device), screens_(screens), feeds_(feeds), inputs_(inputs), tap_(tap) {}

  // Of whom reports shall tell, too; outlives this.
  void tell(const WorkerContexts& workers) noexcept { workers_ = &workers; }

  void add(UniqueFd socket);
  [[nodiscard]] std::size_t count() const noexcept { return connections_.size(); }

 private:
  struct Connection {
    UniqueFd socket;
    platform::EventLoop::Watch watch;
  };
  using Place = std::list<Connection>::iterator;

  void on_readable(Place place);
  struct Answer {
    ControlReply reply;
    UniqueFd fd = UniqueFd();
  };
  [[nodiscard]] Result<Answer> execute(const ControlRequest& request);
  [[nodiscard]] Result<Answer> subscribe() const;
  [[nodiscard]] Result<Answer> open_input() const;
  [[nodiscard]] Result<Answer> screenshot(std::uint32_t display);
  [[nodiscard]] Result<Answer> set_display(std::uint32_t display, const ControlRequest& request);
  [[nodiscard]] Result<Answer> add_display(const ControlRequest& request);
  [[nodiscard]] Result<Answer> report() const;

  platform::EventLoop& loop_;
  gpu::Device& device_;
  Screens& screens_;
  FrameFeeds& feeds_;
  InputChannels& inputs_;
  InputTap& tap_;
  const WorkerContexts* workers_ = nullptr;  // none: the device has no contexts
  const FrameTimes::Clock::time_point began_ = FrameTimes::Clock::now();
  std::list<Connection> connections_;
};

}  // namespace hesper::device
