// From evdev's numbers to QEMU's words. Reference: QEMU 11.1, "input-send-event".
#include "vm/qemu_input.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <optional>
#include <string>
#include <utility>

#include "input/config_space.h"
#include "input/keymap.h"
#include "platform/socket.h"

namespace hesper::vm {
namespace {

using nlohmann::json;

constexpr std::int32_t kQemuMaxPosition = 0x7fff;

json key(std::uint32_t number, bool down) {
  return {{"type", "key"}, {"data", {{"down", down}, {"key", {{"type", "number"}, {"data", number}}}}}};
}
json button(const char* name, bool down) { return {{"type", "btn"}, {"data", {{"down", down}, {"button", name}}}}; }
json axis(const char* type, const char* name, std::int32_t value) {
  return {{"type", type}, {"data", {{"axis", name}, {"value", value}}}};
}

void add_key(json& into, std::uint16_t code, bool down) {
  constexpr std::array kButtons = {"left", "right", "middle", "side", "extra"};
  if (code >= input::BTN_LEFT) {
    const std::size_t number = code - input::BTN_LEFT;
    if (number < kButtons.size()) into.push_back(button(kButtons[number], down));
    return;
  }
  if (const auto number = input::qemu_of_key(static_cast<input::KeyCode>(code))) into.push_back(key(*number, down));
}

// A notch is a button that goes down and up.
void add_notches(json& into, std::int32_t notches, const char* positive, const char* negative) {
  constexpr std::int32_t kMost = 16;
  for (std::int32_t i = 0; i < std::min(std::abs(notches), kMost); ++i)
    for (const bool down : {true, false}) into.push_back(button(notches > 0 ? positive : negative, down));
}

}  // namespace

json qmp_events(std::span<const input::TapEvent> events) {
  json result = json::array();
  for (const auto& [kind, event] : events) {
    // Of fingers, what programs get that know one pointer only would move it, too.
    if (kind >= input::kKinds || static_cast<input::Kind>(kind) == input::Kind::touch) continue;
    const auto value = static_cast<std::int32_t>(std::clamp<std::int64_t>(
        static_cast<std::int32_t>(event.value), -std::int64_t{input::kMaxPosition}, input::kMaxPosition));
    if (event.type == input::EV_KEY) add_key(result, event.code, value != 0);
    if (event.type == input::EV_ABS && (event.code == input::ABS_X || event.code == input::ABS_Y))
      result.push_back(axis("abs", event.code == input::ABS_X ? "x" : "y", std::clamp(value / 2, 0, kQemuMaxPosition)));
    if (event.type != input::EV_REL) continue;
    switch (event.code) {
      case input::REL_X: result.push_back(axis("rel", "x", value)); break;
      case input::REL_Y: result.push_back(axis("rel", "y", value)); break;
      case input::REL_WHEEL: add_notches(result, value, "wheel-up", "wheel-down"); break;
      case input::REL_HWHEEL: add_notches(result, value, "wheel-right", "wheel-left"); break;
      default: break;
    }
  }
  return result;
}

void QemuInput::start(UniqueFd tap) {
  stop();
  tap_ = std::move(tap);
  watch_ = loop_.when_readable(tap_.get(), [this] { read(); });
  ask();
}

void QemuInput::stop() {
  watch_ = {};
  tap_ = UniqueFd();
  received_ = 0;
}

void QemuInput::ask() {
  const std::byte one{1};
  if (tap_ && !platform::send_all(tap_.get(), std::span(&one, 1))) stop();
}

void QemuInput::read() {
  const auto into = std::as_writable_bytes(std::span(&batch_, 1)).subspan(received_);
  const auto part = platform::receive_part(tap_.get(), into, 0);
  if (part.closed) return stop();
  received_ += part.size;
  if (received_ < sizeof(batch_)) return;
  received_ = 0;
  if (batch_.count > batch_.kMost) return stop();
  json events = qmp_events(std::span(batch_.events).first(batch_.count));
  if (events.empty()) return ask();
  // An error means that QEMU has no such device at present; there is nobody to tell.
  qmp_.execute("input-send-event", {{"events", std::move(events)}}, [this](const Result<json>&) { ask(); });
}

}  // namespace hesper::vm
