# hesper_unit_test(name SOURCES ... LINKS ...): one GoogleTest program, every test in it known to ctest. The target
# unit_tests builds all of them and nothing else.
find_package(GTest REQUIRED)
include(GoogleTest)

add_custom_target(unit_tests)

function(hesper_unit_test name)
  cmake_parse_arguments(ARG "" "" "SOURCES;LINKS" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  target_include_directories(${name} PRIVATE ${CMAKE_SOURCE_DIR}/tests/unit)  # support/
  target_link_libraries(${name} PRIVATE ${ARG_LINKS} GTest::gtest_main GTest::gmock hesper_warnings)
  add_dependencies(unit_tests ${name})
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
  # The limit is for tests that hang: the slowest takes 20 s with a sanitizer, and several times that on a busy machine.
  gtest_discover_tests(${name} TEST_PREFIX "unit." DISCOVERY_TIMEOUT 60 PROPERTIES LABELS unit TIMEOUT 600)
endfunction()
