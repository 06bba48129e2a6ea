# cmake -DOUT=FILE -DFOLDER=FOLDER -DFILES="a b" -P embed.cmake: writes page_files.h's functions with the files in them.
separate_arguments(FILES)
set(arrays "")
set(rows "")
set(number 0)
foreach(name IN LISTS FILES)
  file(READ ${FOLDER}/${name} hex HEX)
  string(REGEX REPLACE "(................................)" "\\1\n" hex "${hex}")
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," hex "${hex}")
  string(APPEND arrays "constexpr unsigned char kFile${number}[] = {\n${hex}0};\n")  # the last one is not part of it
  get_filename_component(suffix ${name} LAST_EXT)
  if(suffix STREQUAL ".html")
    set(type "text/html; charset=utf-8")
  elseif(suffix STREQUAL ".js")
    set(type "text/javascript; charset=utf-8")
  elseif(suffix STREQUAL ".css")
    set(type "text/css; charset=utf-8")
  elseif(suffix STREQUAL ".svg")
    set(type "image/svg+xml")
  else()
    message(FATAL_ERROR "${name} is of no type that is known here.")
  endif()
  if(name STREQUAL "index.html")
    set(path "/")
  else()
    set(path "/${name}")
  endif()
  string(APPEND rows "    {\"${path}\", \"${type}\", text(kFile${number})},\n")
  math(EXPR number "${number} + 1")
endforeach()
file(WRITE ${OUT} "// Written by src/screen/web/embed.cmake from src/screen/web/page.
#include \"screen/web/page_files.h\"

#include <array>
#include <cstddef>

namespace hesper::screen::web {
namespace {

${arrays}
template <std::size_t N>
std::string_view text(const unsigned char (&bytes)[N]) {
  return {reinterpret_cast<const char*>(bytes), N - 1};
}

}  // namespace

std::span<const PageFile> page_files() noexcept {
  static const std::array<PageFile, ${number}> kFiles = {{
${rows}  }};
  return kFiles;
}

const PageFile* find_page_file(std::string_view path) noexcept {
  for (const PageFile& file : page_files())
    if (file.path == path) return &file;
  return nullptr;
}

}  // namespace hesper::screen::web
")
