// Device: a driver's beginning, and its lights.
#include "input/device.h"

#include <utility>

namespace hesper::input {

void Device::reset() {
  events_.reset();
  if (on_reset_) on_reset_();
  if (std::exchange(leds_, {}) != Leds{} && on_leds_) on_leds_();
}

void Device::set_driver_runs(bool runs) {
  driver_runs_ = runs;
  if (on_idle_) on_idle_();
}

void Device::status(const virtio_input_event& event) {
  if (kind_ != Kind::keyboard || event.type != EV_LED) return;
  const Leds before = leds_;
  switch (event.code) {
    case LED_NUML: leds_.num_lock = event.value != 0; break;
    case LED_CAPSL: leds_.caps_lock = event.value != 0; break;
    case LED_SCROLLL: leds_.scroll_lock = event.value != 0; break;
    default: break;
  }
  if (leds_ != before && on_leds_) on_leds_();
}

}  // namespace hesper::input
