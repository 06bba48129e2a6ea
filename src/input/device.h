// Device: one virtio-input device: what its driver reads, what it is told, what it says. Knows no virtqueue and no
// viewer.
// Spec: virtio 1.3, "Input Device".
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>

#include "input/config_space.h"
#include "input/event_queue.h"
#include "input/sink.h"

namespace hesper::input {

// One thread.
class Device {
 public:
  explicit Device(Kind kind) noexcept : kind_(kind), config_(kind) {}
  Device(const Device&) = delete;
  Device& operator=(const Device&) = delete;

  [[nodiscard]] Kind kind() const noexcept { return kind_; }

  // For those who have events for the guest. events().sync() is followed by deliver().
  [[nodiscard]] EventQueue& events() noexcept { return events_; }
  void deliver() const {
    const auto& taker = driver_runs_ ? on_events_ : on_idle_;
    if (taker) taker();
  }
  [[nodiscard]] Leds leds() const noexcept { return leds_; }
  // on_reset: the guest has forgotten what was down. on_leds: they have changed.
  void when(std::function<void()> on_reset, std::function<void()> on_leds) {
    on_reset_ = std::move(on_reset);
    on_leds_ = std::move(on_leds);
  }

  // For who takes events as long as no driver does. on_idle: there may be something for next(), or a driver runs now.
  void when_idle(std::function<void()> on_idle) { on_idle_ = std::move(on_idle); }
  [[nodiscard]] bool driver_runs() const noexcept { return driver_runs_; }

  // For the transport. on_events: there may be something for next(); nullptr: nobody takes it.
  void connect(std::function<void()> on_events) { on_events_ = std::move(on_events); }
  void set_driver_runs(bool runs);
  void read_config(std::size_t offset, std::span<std::byte> into) const { config_.read(offset, into); }
  void write_config(std::size_t offset, std::span<const std::byte> bytes) { config_.write(offset, bytes); }
  // A driver begins, or the one there was is gone: what was down is let go, what waited is forgotten, no light is on.
  void reset();
  [[nodiscard]] std::optional<virtio_input_event> next() { return events_.next(); }
  [[nodiscard]] bool has_next() const noexcept { return events_.has_next(); }
  // Of the status queue. All but lights are ignored, as is what does not exist.
  void status(const virtio_input_event& event);

 private:
  const Kind kind_;
  ConfigSpace config_;
  EventQueue events_;
  Leds leds_;
  bool driver_runs_ = false;
  std::function<void()> on_events_;
  std::function<void()> on_idle_;
  std::function<void()> on_reset_;
  std::function<void()> on_leds_;
};

}  // namespace hesper::input
