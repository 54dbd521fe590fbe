# How every room of the house is built: one static library per folder, one gtest program per folder.

add_library(holdfast_flags INTERFACE)
target_compile_options(holdfast_flags INTERFACE -Wall -Wextra -Wconversion -Werror)
target_include_directories(holdfast_flags INTERFACE ${CMAKE_SOURCE_DIR}/src)
# They change linkage, so they hold for the whole tree.
target_compile_definitions(holdfast_flags INTERFACE BOOST_ASIO_SEPARATE_COMPILATION BOOST_BEAST_SEPARATE_COMPILATION
                           BOOST_ASIO_NO_DEPRECATED HOLDFAST_VERSION="${PROJECT_VERSION}")
if(HOLDFAST_SANITIZER STREQUAL "asan")
  target_compile_options(holdfast_flags INTERFACE -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer)
  target_link_options(holdfast_flags INTERFACE -fsanitize=address,undefined)
elseif(HOLDFAST_SANITIZER STREQUAL "tsan")
  target_compile_options(holdfast_flags INTERFACE -fsanitize=thread -fno-omit-frame-pointer)
  target_link_options(holdfast_flags INTERFACE -fsanitize=thread)
endif()

# holdfast_library(name SOURCES a.cc b.cc DEPS lib...)
function(holdfast_library name)
  cmake_parse_arguments(A "" "" "SOURCES;DEPS" ${ARGN})
  add_library(holdfast_${name} STATIC ${A_SOURCES})
  add_library(holdfast::${name} ALIAS holdfast_${name})
  target_link_libraries(holdfast_${name} PUBLIC holdfast_flags ${A_DEPS})
endfunction()

# holdfast_test(name SOURCES a_test.cc DEPS lib... [LABELS l...]): one gtest program, every case a ctest case.
# Labels: unit (runs under the sanitizers too), custody, e2e. The default is unit.
# unit_tests builds the units of the rooms that do without Beast: one Beast unit under ASan costs more than all of them.
add_custom_target(unit_tests)
set(HOLDFAST_BEAST_ROOMS net front daemon cli)
function(holdfast_test name)
  cmake_parse_arguments(A "" "TIMEOUT" "SOURCES;DEPS;LABELS;ENVIRONMENT" ${ARGN})
  if(NOT A_LABELS)
    set(A_LABELS unit)
  endif()
  if(NOT A_TIMEOUT)
    set(A_TIMEOUT 60)
  endif()
  add_executable(${name}_test ${A_SOURCES})
  target_link_libraries(${name}_test PRIVATE holdfast_flags ${A_DEPS} GTest::gmock GTest::gtest GTest::gtest_main)
  get_filename_component(room ${CMAKE_CURRENT_SOURCE_DIR} NAME)
  if("unit" IN_LIST A_LABELS AND NOT room IN_LIST HOLDFAST_BEAST_ROOMS)
    add_dependencies(unit_tests ${name}_test)
  endif()
  gtest_discover_tests(${name}_test TEST_PREFIX "${name}/" DISCOVERY_MODE PRE_TEST DISCOVERY_TIMEOUT 30
                       PROPERTIES TIMEOUT ${A_TIMEOUT} LABELS "${A_LABELS}" ENVIRONMENT "${A_ENVIRONMENT}")
endfunction()
