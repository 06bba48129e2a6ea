// Reading what systems print: lines, words, numbers, lists of processors. Pure; takes any bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace hesper::host {

// Without blanks at both ends.
[[nodiscard]] std::string_view trimmed(std::string_view text) noexcept;
// Without their ends ("\n" or "\r\n"); what follows the last end counts only if it is not empty.
[[nodiscard]] std::vector<std::string_view> lines_of(std::string_view text);
// What stands between blanks.
[[nodiscard]] std::vector<std::string_view> words_of(std::string_view text);
// What stands between separators; empty pieces are left out.
[[nodiscard]] std::vector<std::string_view> pieces_of(std::string_view text, char separator);
// The part before a separator and the part behind it, both trimmed. Without a separator the second one is empty.
[[nodiscard]] std::pair<std::string_view, std::string_view> split_at(std::string_view text, char separator) noexcept;

// The whole trimmed text is this number, and it fits. base 16: with or without "0x".
[[nodiscard]] std::optional<std::uint64_t> number_in(std::string_view text, int base = 10) noexcept;
// The same for a number that must fit an unsigned.
[[nodiscard]] std::optional<unsigned> small_number_in(std::string_view text, int base = 10) noexcept;

// The first line "KEY SEPARATOR VALUE", its value trimmed. Blanks around the separator do not count.
[[nodiscard]] std::optional<std::string_view> value_of(std::string_view text, std::string_view key,
                                                       char separator) noexcept;
// What a kernel's command line says of NAME: nothing, "" for the name alone, or what stands behind "NAME="; the last
// one counts. Quotes are respected.
[[nodiscard]] std::optional<std::string> parameter_of(std::string_view command_line, std::string_view name);
// Words of a kernel's command line, where quotes hold blanks together.
[[nodiscard]] std::vector<std::string> parameters_of(std::string_view command_line);

// "0-3,8" is 0 1 2 3 8. Nothing: it is no such list, or names a number above `most`.
inline constexpr unsigned kMostCpus = 8192;
[[nodiscard]] std::optional<std::vector<unsigned>> numbers_of_list(std::string_view text, unsigned most = kMostCpus);

// What can be shown and sent: valid UTF-8 without control characters (but tabs, as blanks), at most so many bytes; what
// is not, is replaced by "?".
inline constexpr std::size_t kLongestWord = 512;
[[nodiscard]] std::string shown(std::string_view text, std::size_t most = kLongestWord);
// Whether it is UTF-8 without control characters but tabs and ends of lines.
[[nodiscard]] bool is_text(std::string_view bytes) noexcept;
// For words of a file name: no separators in it, and neither "." nor "..".
[[nodiscard]] bool is_file_name(std::string_view text) noexcept;

}  // namespace hesper::host
