// Text as clipboards have it: whether bytes are text, ends of lines, Latin-1.
#pragma once

#include <string>
#include <string_view>

namespace hesper::clipboard {

// Well-formed UTF-8 (no surrogates, nothing longer than it must be) without NUL, and not empty.
[[nodiscard]] bool is_text(std::string_view bytes) noexcept;

// CR LF and single CR become LF.
[[nodiscard]] std::string with_lf(std::string_view text);
// Each LF becomes CR LF. text: as with_lf() makes it.
[[nodiscard]] std::string with_crlf(std::string_view text);

// Characters that Latin-1 has not become '?'. text: is_text().
[[nodiscard]] std::string to_latin1(std::string_view text);
// Any bytes are Latin-1.
[[nodiscard]] std::string from_latin1(std::string_view bytes);

}  // namespace hesper::clipboard
