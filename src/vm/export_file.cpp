// What all exporters share.
#include "vm/export_file.h"

#include "base/printable.h"

namespace hesper::vm {

bool is_plain_text(std::string_view text) {
  // U+FFFE and U+FFFF, which are no characters, and which XML forbids.
  for (const std::string_view none : {"\xef\xbf\xbe", "\xef\xbf\xbf"})
    if (text.contains(none)) return false;
  for (;;) {
    const std::size_t end = text.find_first_of("\t\n");
    const std::string_view part = text.substr(0, end);
    if (printable(part) != part) return false;
    if (end == std::string_view::npos) return true;
    text.remove_prefix(end + 1);
  }
}

std::filesystem::path exported_folder(const std::filesystem::path& root, std::string_view name) {
  return root / ("_" + std::string(name));
}

}  // namespace hesper::vm
