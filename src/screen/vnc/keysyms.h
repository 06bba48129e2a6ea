// Keysyms of X11 as keys, for viewers that tell no scan codes: the key that has the character on a US keyboard.
#pragma once

#include <cstdint>
#include <optional>

#include "input/sink.h"

namespace hesper::screen::vnc {

// Shift and the like are keys of their own, which the viewer presses itself. Nothing: no key has it.
[[nodiscard]] std::optional<input::KeyCode> key_of_keysym(std::uint32_t keysym) noexcept;

}  // namespace hesper::screen::vnc
