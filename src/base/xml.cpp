// Text in XML documents.
#include "base/xml.h"

#include <fmt/format.h>

namespace hesper {

std::string escape_xml(std::string_view text) {
  std::string result;
  for (const char c : text) {
    switch (c) {
      case '&': result += "&amp;"; break;
      case '<': result += "&lt;"; break;
      case '>': result += "&gt;"; break;
      case '\'': result += "&apos;"; break;
      case '"': result += "&quot;"; break;
      case '\t':
      case '\n':
      case '\r': result += fmt::format("&#{};", static_cast<int>(c)); break;
      default: result += c;
    }
  }
  return result;
}

}  // namespace hesper
