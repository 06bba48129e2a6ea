// Text: character by character. Spec: RFC 3629.
#include "clipboard/text.h"

#include <cstddef>
#include <cstdint>

namespace hesper::clipboard {
namespace {

std::uint8_t byte_at(std::string_view text, std::size_t at) { return static_cast<std::uint8_t>(text[at]); }

// Bytes of the character that `text` begins with; 0: it begins with none. Not empty.
std::size_t length_of(std::string_view text) noexcept {
  const std::uint8_t first = byte_at(text, 0);
  if (first == 0) return 0;
  if (first < 0x80) return 1;
  const std::size_t length = first >= 0xc2 && first < 0xe0 ? 2 : first >= 0xe0 && first < 0xf0 ? 3 : 4;
  if (first < 0xc2 || first > 0xf4 || text.size() < length) return 0;
  for (std::size_t i = 1; i < length; ++i)
    if ((byte_at(text, i) & 0xc0U) != 0x80) return 0;
  const std::uint8_t second = byte_at(text, 1);
  const bool too_long = (first == 0xe0 && second < 0xa0) || (first == 0xf0 && second < 0x90);
  const bool surrogate = first == 0xed && second >= 0xa0;
  const bool too_large = first == 0xf4 && second >= 0x90;
  return too_long || surrogate || too_large ? 0 : length;
}

}  // namespace

bool is_text(std::string_view bytes) noexcept {
  if (bytes.empty()) return false;
  while (!bytes.empty()) {
    const std::size_t length = length_of(bytes);
    if (length == 0) return false;
    bytes.remove_prefix(length);
  }
  return true;
}

std::string with_lf(std::string_view text) {
  std::string result;
  result.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\r') {
      result += text[i];
      continue;
    }
    result += '\n';
    if (i + 1 < text.size() && text[i + 1] == '\n') ++i;
  }
  return result;
}

std::string with_crlf(std::string_view text) {
  std::string result;
  result.reserve(text.size());
  for (const char c : text) {
    if (c == '\n') result += '\r';
    result += c;
  }
  return result;
}

std::string to_latin1(std::string_view text) {
  std::string result;
  while (!text.empty()) {
    const std::size_t length = length_of(text);
    if (length == 0) break;
    const std::uint8_t first = byte_at(text, 0);
    if (length == 1)
      result += text[0];
    else if (length == 2 && first <= 0xc3)  // up to U+00FF
      result += static_cast<char>(((first & 3U) << 6U) | (byte_at(text, 1) & 0x3fU));
    else
      result += '?';
    text.remove_prefix(length);
  }
  return result;
}

std::string from_latin1(std::string_view bytes) {
  std::string result;
  for (const char c : bytes) {
    const auto value = static_cast<std::uint8_t>(c);
    if (value < 0x80) {
      result += c;
      continue;
    }
    result += static_cast<char>(0xc0U | (value >> 6U));
    result += static_cast<char>(0x80U | (value & 0x3fU));
  }
  return result;
}

}  // namespace hesper::clipboard
