// Kinds of input devices that a guest has.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace hesper::input {

enum class Kind : std::uint8_t {
  keyboard,
  tablet,  // a pointer that jumps to a place of the desktop, with a mouse's buttons and wheels
  mouse,   // a pointer that moves by steps
  touch,   // a touch screen as large as the desktop
};
inline constexpr std::size_t kKinds = 4;
inline constexpr std::array<Kind, kKinds> kAllKinds = {Kind::keyboard, Kind::tablet, Kind::mouse, Kind::touch};

// "keyboard", ...; also the end of the name of its socket.
[[nodiscard]] constexpr std::string_view name_of(Kind kind) noexcept {
  constexpr std::array<std::string_view, kKinds> kNames = {"keyboard", "tablet", "mouse", "touch"};
  return kNames[static_cast<std::size_t>(kind)];
}

}  // namespace hesper::input
