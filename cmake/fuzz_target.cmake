# hesper_fuzz_target(name SOURCES ... LINKS ...): one libFuzzer program. The target fuzz_targets builds all of them; they
# exist in the preset fuzz only, as libFuzzer comes with Clang.
add_custom_target(fuzz_targets)
if(HESPER_FUZZ)
  add_compile_options(-fsanitize=fuzzer-no-link)  # coverage, for our libraries too
endif()

function(hesper_fuzz_target name)
  cmake_parse_arguments(ARG "" "" "SOURCES;LINKS" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE ${ARG_LINKS} hesper_warnings)
  target_link_options(${name} PRIVATE -fsanitize=fuzzer)
  add_dependencies(fuzz_targets ${name})
endfunction()
