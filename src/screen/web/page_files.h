// The page's files, as they lie in the program. Which folder they come from stands in CMakeLists.txt.
#pragma once

#include <span>
#include <string_view>

namespace hesper::screen::web {

struct PageFile {
  std::string_view path;  // "/page.js"; the page itself is "/"
  std::string_view type;  // of media: "text/javascript; charset=utf-8"
  std::string_view content;
};

[[nodiscard]] std::span<const PageFile> page_files() noexcept;
// nullptr: there is none.
[[nodiscard]] const PageFile* find_page_file(std::string_view path) noexcept;

}  // namespace hesper::screen::web
