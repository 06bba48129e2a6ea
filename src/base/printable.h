// printable: text of others, made harmless for a terminal: names that devices, drivers and files give themselves.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace hesper {

// UTF-8 without anything that a terminal obeys or that turns around what stands beside it: control characters of both
// sets, line breaks and escape sequences among them, characters that change the writing direction, and bytes that are
// no UTF-8, each become "?".
[[nodiscard]] std::string printable(std::string_view text);

// How many columns such a text takes, where all characters are as wide as Latin ones.
[[nodiscard]] std::size_t columns_of(std::string_view text) noexcept;

}  // namespace hesper
