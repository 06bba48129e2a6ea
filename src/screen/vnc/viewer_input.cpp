// ViewerInput: buttons and wheels; keys are in input/keymap.h.
#include "screen/vnc/viewer_input.h"

#include <array>

#include "input/keymap.h"
#include "input/position.h"

namespace hesper::screen::vnc {
namespace {

constexpr input::KeyCode key_code(std::uint16_t number) { return input::KeyCode{number}; }

// By bit of PointerEvent: BTN_LEFT, BTN_MIDDLE, BTN_RIGHT.
constexpr std::array kButtons = {key_code(0x110), key_code(0x112), key_code(0x111)};
constexpr unsigned kWheelUp = 3;
constexpr unsigned kWheelDown = 4;
constexpr unsigned kWheelLeft = 5;
constexpr unsigned kWheelRight = 6;
constexpr std::int32_t kNotch = 120;

}  // namespace

void ViewerInput::send(input::KeyCode code, bool down) {
  if (!sink_) return;
  sink_->key(code, down);
  sink_->flush();
}

void ViewerInput::key(const KeyEvent& event) {  // Shift is a key of its own, which the viewer presses itself.
  if (const auto stroke = input::stroke_of_keysym(event.keysym)) send(stroke->code, event.down);
}

void ViewerInput::key(const ExtendedKeyEvent& event) {
  // Some viewers know no scan code of some keys, and say 0.
  if (const auto code = input::key_of_qemu(event.keycode))
    send(*code, event.down);
  else
    key(KeyEvent{.down = event.down, .keysym = event.keysym});
}

void ViewerInput::pointer(const PointerEvent& event, std::uint16_t width, std::uint16_t height) {
  if (!sink_) return;
  sink_->move_to(display_, input::absolute_of(event.x, width), input::absolute_of(event.y, height));
  const auto changed = static_cast<unsigned>(event.buttons ^ buttons_);
  const auto is_down = [&](unsigned bit) { return ((event.buttons >> bit) & 1U) != 0; };
  for (unsigned bit = 0; bit < kButtons.size(); ++bit)
    if (((changed >> bit) & 1U) != 0) sink_->button(kButtons.at(bit), is_down(bit));
  // A notch of the wheel is a press and a release.
  const auto notches = [&](unsigned bit) { return ((changed >> bit) & 1U) != 0 && is_down(bit) ? kNotch : 0; };
  const std::int32_t vertical = notches(kWheelUp) - notches(kWheelDown);
  const std::int32_t horizontal = notches(kWheelRight) - notches(kWheelLeft);
  if (vertical != 0 || horizontal != 0) sink_->scroll(vertical, horizontal);
  buttons_ = event.buttons;
  sink_->flush();
}

}  // namespace hesper::screen::vnc
