// Quirks: rules of the Venus encoding that vk.xml does not tell. Everything else follows from the XML.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace wiregen {

// Unions without selector, whose codec is written by hand (src/wire/unions.h). 0: not one of them; otherwise the
// fewest bytes that one takes on the wire.
[[nodiscard]] std::size_t hand_written_union(std::string_view type);

// Arrays that the protocol omits though the count stands: the C++ condition, over `v`, under which it is sent. Empty:
// always.
[[nodiscard]] std::string_view sent_only_if(std::string_view owner, std::string_view member);

// Length of each element of an array of arrays, over `args` and the index `i`. Empty: not one.
[[nodiscard]] std::string_view element_length(std::string_view command, std::string_view param);

// True for a struct or command with a check() in src/wire/checks.h, which is called once it is decoded.
[[nodiscard]] bool is_checked(std::string_view name);

// The name that a struct has in a vk.xml from before its promotion to KHR, or empty.
[[nodiscard]] std::string name_before_promotion(std::string_view type);

}  // namespace wiregen
