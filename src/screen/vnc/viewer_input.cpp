// ViewerInput: scan codes, keysyms and buttons.
#include "screen/vnc/viewer_input.h"

#include <algorithm>
#include <array>
#include <utility>

#include "input/position.h"
#include "screen/vnc/keysyms.h"

namespace hesper::screen::vnc {
namespace {

constexpr input::KeyCode key_code(std::uint16_t number) { return input::KeyCode{number}; }

// KEY_x of scan codes that differ from their number. Those with 0x80 have prefix e0.
constexpr auto kScanCodes = std::to_array<std::pair<std::uint8_t, std::uint16_t>>({
    {0x54, 99},  {0x56, 86},  {0x57, 87},  {0x58, 88},  {0x59, 117}, {0x5d, 183}, {0x5e, 184}, {0x5f, 185},
    {0x70, 93},  {0x73, 89},  {0x77, 91},  {0x78, 90},  {0x79, 92},  {0x7b, 94},  {0x7d, 124}, {0x7e, 121},
    {0x90, 165}, {0x99, 163}, {0x9c, 96},  {0x9d, 97},  {0xa0, 113}, {0xa1, 140}, {0xa2, 164}, {0xa4, 166},
    {0xae, 114}, {0xb0, 115}, {0xb2, 172}, {0xb5, 98},  {0xb7, 99},  {0xb8, 100}, {0xc6, 119}, {0xc7, 102},
    {0xc8, 103}, {0xc9, 104}, {0xcb, 105}, {0xcd, 106}, {0xcf, 107}, {0xd0, 108}, {0xd1, 109}, {0xd2, 110},
    {0xd3, 111}, {0xdb, 125}, {0xdc, 126}, {0xdd, 127}, {0xde, 116}, {0xdf, 142}, {0xe3, 143}, {0xe5, 217},
    {0xe6, 156}, {0xe7, 173}, {0xe8, 128}, {0xe9, 159}, {0xea, 158}, {0xeb, 157}, {0xec, 155}, {0xed, 226},
});
constexpr std::uint8_t kLastEqual = 0x53;  // up to here KEY_x are scan codes
static_assert(std::ranges::is_sorted(kScanCodes, {}, &std::pair<std::uint8_t, std::uint16_t>::first));

// By bit of PointerEvent: BTN_LEFT, BTN_MIDDLE, BTN_RIGHT.
constexpr std::array kButtons = {key_code(0x110), key_code(0x112), key_code(0x111)};
constexpr unsigned kWheelUp = 3;
constexpr unsigned kWheelDown = 4;
constexpr unsigned kWheelLeft = 5;
constexpr unsigned kWheelRight = 6;
constexpr std::int32_t kNotch = 120;

}  // namespace

std::optional<input::KeyCode> key_of_scan_code(std::uint32_t code) noexcept {
  if (code == 0 || code > 0xff) return std::nullopt;
  if (code <= kLastEqual) return key_code(static_cast<std::uint16_t>(code));
  const auto* found = std::ranges::lower_bound(kScanCodes, code, {}, &std::pair<std::uint8_t, std::uint16_t>::first);
  if (found == kScanCodes.end() || found->first != code) return std::nullopt;
  return key_code(found->second);
}

void ViewerInput::send(std::optional<input::KeyCode> code, bool down) {
  if (!sink_ || !code) return;
  sink_->key(*code, down);
  sink_->flush();
}

void ViewerInput::key(const KeyEvent& event) { send(key_of_keysym(event.keysym), event.down); }

void ViewerInput::key(const ExtendedKeyEvent& event) {
  // Some viewers know no scan code of some keys, and say 0.
  const auto code = key_of_scan_code(event.keycode);
  send(code ? code : key_of_keysym(event.keysym), event.down);
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
