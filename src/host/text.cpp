// Lines, words, numbers.
#include "host/text.h"

#include <algorithm>
#include <charconv>
#include <limits>

namespace hesper::host {
namespace {

constexpr std::string_view kBlanks = " \t\r\n\v\f";

// How many bytes the character at the front takes; 0: it is no valid UTF-8, or a control character.
std::size_t size_of_character(std::string_view text) noexcept {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(0);
  if (first < 0x80) return first >= 0x20 && first != 0x7f ? 1 : 0;
  const std::size_t size = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || text.size() < size) return 0;
  for (std::size_t i = 1; i < size; ++i)
    if ((byte(i) & 0xc0) != 0x80) return 0;
  // Overlong forms, surrogates, what is behind Unicode's end; and the control characters behind ASCII.
  if ((first == 0xe0 && byte(1) < 0xa0) || (first == 0xed && byte(1) >= 0xa0)) return 0;
  if ((first == 0xf0 && byte(1) < 0x90) || (first == 0xf4 && byte(1) >= 0x90)) return 0;
  if (first == 0xc2 && byte(1) < 0xa0) return 0;
  return size;
}

}  // namespace

std::string_view trimmed(std::string_view text) noexcept {
  const std::size_t begin = text.find_first_not_of(kBlanks);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kBlanks) - begin + 1);
}

std::vector<std::string_view> lines_of(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    std::string_view line = text.substr(0, end);
    if (line.ends_with('\r')) line.remove_suffix(1);
    lines.push_back(line);
    text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
  }
  return lines;
}

std::vector<std::string_view> words_of(std::string_view text) {
  std::vector<std::string_view> words;
  for (;;) {
    const std::size_t begin = text.find_first_not_of(kBlanks);
    if (begin == std::string_view::npos) return words;
    text.remove_prefix(begin);
    const std::size_t end = std::min(text.find_first_of(kBlanks), text.size());
    words.push_back(text.substr(0, end));
    text.remove_prefix(end);
  }
}

std::vector<std::string_view> pieces_of(std::string_view text, char separator) {
  std::vector<std::string_view> pieces;
  while (!text.empty()) {
    const std::size_t end = text.find(separator);
    if (end != 0) pieces.push_back(text.substr(0, end));
    text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
  }
  return pieces;
}

std::pair<std::string_view, std::string_view> split_at(std::string_view text, char separator) noexcept {
  const std::size_t at = text.find(separator);
  if (at == std::string_view::npos) return {trimmed(text), {}};
  return {trimmed(text.substr(0, at)), trimmed(text.substr(at + 1))};
}

std::optional<std::uint64_t> number_in(std::string_view text, int base) noexcept {
  text = trimmed(text);
  if (base == 16 && (text.starts_with("0x") || text.starts_with("0X"))) text.remove_prefix(2);
  std::uint64_t number = 0;
  const char* const end = text.data() + text.size();
  const auto read = std::from_chars(text.data(), end, number, base);
  if (text.empty() || read.ec != std::errc() || read.ptr != end) return std::nullopt;
  return number;
}

std::optional<unsigned> small_number_in(std::string_view text, int base) noexcept {
  const auto number = number_in(text, base);
  if (!number || *number > std::numeric_limits<unsigned>::max()) return std::nullopt;
  return static_cast<unsigned>(*number);
}

std::optional<std::string_view> value_of(std::string_view text, std::string_view key, char separator) noexcept {
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    const std::string_view line = text.substr(0, end);
    const auto [name, value] = split_at(line, separator);
    if (name == key && line.contains(separator)) return value;
    text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
  }
  return std::nullopt;
}

std::vector<std::string> parameters_of(std::string_view command_line) {
  std::vector<std::string> words;
  std::string word;
  bool quoted = false;
  const auto finish = [&] {
    if (!word.empty()) words.push_back(std::move(word));
    word.clear();
  };
  for (const char c : command_line) {
    if (c == '"')
      quoted = !quoted;
    else if (!quoted && kBlanks.contains(c))
      finish();
    else
      word += c;
  }
  finish();
  return words;
}

std::optional<std::string> parameter_of(std::string_view command_line, std::string_view name) {
  std::optional<std::string> value;
  for (const std::string& word : parameters_of(command_line)) {
    const std::string_view text = word;
    if (text == name)
      value = "";
    else if (text.starts_with(name) && text[name.size()] == '=')
      value = text.substr(name.size() + 1);
  }
  return value;
}

std::optional<std::vector<unsigned>> numbers_of_list(std::string_view text, unsigned most) {
  std::vector<unsigned> numbers;
  for (const std::string_view piece : pieces_of(trimmed(text), ',')) {
    const auto [first_text, last_text] = split_at(piece, '-');
    const auto first = small_number_in(first_text);
    const auto last = piece.contains('-') ? small_number_in(last_text) : first;
    if (!first || !last || *last > most || *first > *last) return std::nullopt;
    for (unsigned number = *first; number <= *last; ++number) {
      numbers.push_back(number);
      if (numbers.size() > std::size_t{most} + 1) return std::nullopt;
    }
  }
  return numbers;
}

std::string shown(std::string_view text, std::size_t most) {
  std::string result;
  while (!text.empty()) {
    const std::size_t size = size_of_character(text);
    const std::size_t taken = size == 0 ? 1 : size;
    if (result.size() + taken > most) break;
    if (size != 0)
      result += text.substr(0, size);
    else
      result += text.front() == '\t' || text.front() == '\n' ? ' ' : '?';
    text.remove_prefix(taken);
  }
  return result;
}

bool is_text(std::string_view bytes) noexcept {
  while (!bytes.empty()) {
    const bool layout = bytes.front() == '\n' || bytes.front() == '\t';
    const std::size_t size = layout ? 1 : size_of_character(bytes);
    if (size == 0) return false;
    bytes.remove_prefix(size);
  }
  return true;
}

bool is_file_name(std::string_view text) noexcept {
  return !text.empty() && text != "." && text != ".." && !text.contains('/') && !text.contains('\0');
}

}  // namespace hesper::host
