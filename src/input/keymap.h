// Which key is meant: from the numbers and names that viewers' protocols have for keys to Linux's. Of a keyboard with
// the US layout where a character is given; the guest's own layout decides what it makes of the key.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "input/sink.h"

namespace hesper::input {

// A key, and whether Shift belongs to it.
struct Stroke {
  KeyCode code{};
  bool shift = false;
  friend bool operator==(const Stroke&, const Stroke&) = default;
};

// An X11 keysym: Latin-1 characters, function keys, keypad. Nothing: no key of a US keyboard has it.
// VNC clients that send keysyms press Shift themselves, so that for them only `code` counts.
[[nodiscard]] std::optional<Stroke> stroke_of_keysym(std::uint32_t keysym);
// A Unicode character, a line feed (Enter) and a tab among them.
[[nodiscard]] std::optional<Stroke> stroke_of_character(char32_t character);
// QEMU's key numbers, as VNC's extended key event has them: scan codes of the PC's set 1, | 0x80 after 0xe0.
[[nodiscard]] std::optional<KeyCode> key_of_qemu(std::uint32_t number);
// The other way; of a key with several numbers, the one that QEMU's own keyboards take.
[[nodiscard]] std::optional<std::uint32_t> qemu_of_key(KeyCode code);
// Usages of USB's keyboard page; SDL's scan codes are the same up to 231.
[[nodiscard]] std::optional<KeyCode> key_of_usb(std::uint32_t usage);
// Key codes of an X server with evdev, and of Wayland's xkb keymaps.
[[nodiscard]] constexpr std::optional<KeyCode> key_of_xkb(std::uint32_t keycode) noexcept {
  if (keycode <= 8 || keycode > 255) return std::nullopt;
  return static_cast<KeyCode>(keycode - 8);
}
// "a", "f2", "ctrl", "page-up": the names of `hesper input`.
[[nodiscard]] std::optional<KeyCode> key_of_name(std::string_view name);
// "left", "middle", "right", "side", "extra".
[[nodiscard]] std::optional<KeyCode> button_of_name(std::string_view name);

}  // namespace hesper::input
