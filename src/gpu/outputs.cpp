// Outputs: the snapshot and its event.
#include "gpu/outputs.h"

#include <fmt/format.h>

#include <utility>

#include "base/check.h"
#include "gpu/cvt.h"

namespace hesper::gpu {

Outputs::Outputs(std::vector<Output> outputs) : wanted_(std::move(outputs)), told_(wanted_) {
  HESPER_CHECK(!wanted_.empty() && wanted_.size() <= VIRTIO_GPU_MAX_SCANOUTS);
}

Result<void> Outputs::check(const Output& output) {
  constexpr std::uint32_t kLeast = 32;
  constexpr std::uint32_t kMost = 16384;
  constexpr std::uint32_t kSlowest = 1000;
  constexpr std::uint32_t kFastest = 1'000'000;
  const Monitor& monitor = output.monitor;
  const auto fits = [](std::uint32_t pixels) { return pixels >= kLeast && pixels <= kMost; };
  if (!fits(monitor.width) || !fits(monitor.height))
    return fail(fmt::format("A display of {}x{} pixels is not possible; width and height must be {} to {}.",
                            monitor.width, monitor.height, kLeast, kMost));
  if (monitor.refresh_mhz < kSlowest || monitor.refresh_mhz > kFastest)
    return fail(fmt::format("A refresh rate of {} mHz is not possible; it must be {} to {} Hz.", monitor.refresh_mhz,
                            kSlowest / 1000, kFastest / 1000));
  const Timing timing = reduced_blanking(monitor.width, monitor.height, monitor.refresh_mhz);
  if (timing.clock_khz > kMostEdidClockKhz)
    return fail(fmt::format("{}x{} at {} Hz needs a clock of {} MHz; an EDID can tell {} MHz at most.", monitor.width,
                            monitor.height, monitor.refresh_mhz / 1000, timing.clock_khz / 1000,
                            kMostEdidClockKhz / 1000));
  return {};
}

bool Outputs::set(std::uint32_t scanout, Output output) {
  if (wanted_[scanout] == output) return false;
  wanted_[scanout] = std::move(output);
  unread_ = true;
  // While the guest reads it will clear the event at the end, and is told again then.
  return std::exchange(events_, events_ | VIRTIO_GPU_EVENT_DISPLAY) != events_;
}

void Outputs::begin_reading() { told_ = wanted_; }

std::vector<std::byte> Outputs::edid(std::uint32_t scanout) {
  const std::uint32_t bit = 1u << scanout;
  // The same once more: the guest gave up the reading before, and begins another.
  if (edids_read_ == 0 || (edids_read_ & bit) != 0) {
    begin_reading();
    edids_read_ = 0;
  }
  edids_read_ |= bit;
  return make_edid(told_[scanout].monitor);
}

virtio_gpu_resp_display_info Outputs::display_info() {
  if (edids_read_ == 0) begin_reading();  // a guest without EDID
  edids_read_ = 0;
  unread_ = told_ != wanted_;
  virtio_gpu_resp_display_info info{};
  for (std::size_t i = 0; i < told_.size(); ++i) {
    const Output& output = told_[i];
    info.pmodes[i] = {
        .r = {.x = output.x, .y = output.y, .width = output.monitor.width, .height = output.monitor.height},
        .enabled = output.connected ? 1u : 0u,
        .flags = 0};
  }
  return info;
}

bool Outputs::clear_events(std::uint32_t events) {
  events_ &= ~events;
  if ((events & VIRTIO_GPU_EVENT_DISPLAY) == 0 || !unread_) return false;
  events_ |= VIRTIO_GPU_EVENT_DISPLAY;
  return true;
}

void Outputs::reset() {
  edids_read_ = 0;
  unread_ = false;
  events_ = 0;
}

}  // namespace hesper::gpu
