# The warnings every target of ours is built with (as errors), and the sanitizers a preset asks for.
add_library(hesper_warnings INTERFACE)
target_compile_options(hesper_warnings INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wold-style-cast -Wnon-virtual-dtor
  -Woverloaded-virtual -Wimplicit-fallthrough -Werror)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # GCC 14 reports the first in designated initialisers that leave members at their defaults, and the second where it
  # inlines the destructor of a std::expected whose error is a string. The address sanitizer looks for the real thing.
  target_compile_options(hesper_warnings INTERFACE -Wno-missing-field-initializers -Wno-free-nonheap-object)
else()
  target_compile_options(hesper_warnings INTERFACE -Wno-missing-field-initializers -Wno-missing-designated-field-initializers)
endif()

if(HESPER_SANITIZE)
  add_compile_options(-fsanitize=${HESPER_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${HESPER_SANITIZE})
  # Clients may send any number where Vulkan has an enum, and the driver gets it as sent. Compilers assume nothing about
  # the values of enums unless they are told to (-fstrict-enums).
  add_compile_options(-fno-sanitize=enum)
  # This check makes a pipe to find out whether memory is readable, and takes a failure for a no: tests that use up all
  # fds would fail by it.
  add_compile_options(-fno-sanitize=vptr)
endif()

# hesper_library(name SOURCES ... LINKS ...): a folder's static library. LINKS are public.
function(hesper_library name)
  cmake_parse_arguments(ARG "" "" "SOURCES;LINKS" ${ARGN})
  add_library(${name} STATIC ${ARG_SOURCES})
  target_include_directories(${name} PUBLIC ${CMAKE_SOURCE_DIR}/src)
  target_link_libraries(${name} PUBLIC ${ARG_LINKS} PRIVATE hesper_warnings)
endfunction()
