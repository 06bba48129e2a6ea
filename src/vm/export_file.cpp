// What all exporters share.
#include "vm/export_file.h"

#include <cstddef>
#include <cstdint>

namespace hesper::vm {
namespace {

// The length of the UTF-8 sequence at the start, or 0 if it is none, or one for a character that text has not.
std::size_t sequence(std::string_view text) noexcept {
  const auto byte = [&](std::size_t i) { return static_cast<std::uint8_t>(text[i]); };
  const std::uint8_t first = byte(0);
  if (first < 0x80) return first >= 0x20 && first != 0x7f ? 1 : (first == '\t' || first == '\n' ? 1 : 0);
  const std::size_t size = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || text.size() < size) return 0;
  std::uint32_t character = first & (0x7fu >> size);
  for (std::size_t i = 1; i < size; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return 0;
    character = character << 6 | (byte(i) & 0x3fu);
  }
  constexpr std::uint32_t kLeast[] = {0, 0, 0x80, 0x800, 0x1'0000};
  const bool surrogate = character >= 0xd800 && character <= 0xdfff;
  const bool known = character <= 0x10'ffff && character != 0xfffe && character != 0xffff && character >= 0xa0;
  return known && !surrogate && character >= kLeast[size] ? size : 0;
}

}  // namespace

bool is_plain_text(std::string_view text) noexcept {
  while (!text.empty()) {
    const std::size_t size = sequence(text);
    if (size == 0) return false;
    text.remove_prefix(size);
  }
  return true;
}

std::filesystem::path exported_folder(const std::filesystem::path& root, std::string_view name) {
  return root / ("_" + std::string(name));
}

}  // namespace hesper::vm
