// Text in XML documents that we write, for libvirt. Reads none.
#pragma once

#include <string>
#include <string_view>

namespace hesper {

// As content or as an attribute's value, within either quotes. Tabs and line ends stay what they are in both.
[[nodiscard]] std::string escape_xml(std::string_view text);

}  // namespace hesper
