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
  target_include_directories(${name}_test PRIVATE ${CMAKE_SOURCE_DIR}/tests)
  target_link_libraries(${name}_test PRIVATE holdfast_flags ${A_DEPS} GTest::gmock GTest::gtest GTest::gtest_main)
  get_filename_component(room ${CMAKE_CURRENT_SOURCE_DIR} NAME)
  if("unit" IN_LIST A_LABELS AND NOT room IN_LIST HOLDFAST_BEAST_ROOMS)
    add_dependencies(unit_tests ${name}_test)
  endif()
  gtest_discover_tests(${name}_test TEST_PREFIX "${name}/" DISCOVERY_MODE PRE_TEST DISCOVERY_TIMEOUT 30
                       PROPERTIES TIMEOUT ${A_TIMEOUT} LABELS "${A_LABELS}" ENVIRONMENT "${A_ENVIRONMENT}")
endfunction()

# `holdfast` becomes holdfast-gateway, and a control starts that without the step in between.
function(holdfast_gateway_of result program)
  set(${result} ${program} PARENT_SCOPE)
  if(program STREQUAL "holdfast")
    set(${result} holdfast-gateway PARENT_SCOPE)
  endif()
endfunction()

# holdfast_mutant(test OFF mechanism [IN program [BY starter]] [SOURCE file] FAILS Suite.test... [LABELS l...]): a negative control. Each
# test of FAILS has to fail, by name, where `mechanism` (base/mutant.h) is switched off in the test program `test` itself,
# or in the `program` that it starts; or that `starter` does, a gateway, since none but it knows where keepers are. `file` is the one of src/ that has the switch: compiled again, it stands in for the
# library's own (a keeper is built whole). A test that this machine cannot run is skipped, with its reason.
function(holdfast_mutant test)
  cmake_parse_arguments(A "" "OFF;IN;BY;SOURCE" "FAILS;LABELS" ${ARGN})
  if(NOT A_LABELS)
    set(A_LABELS custody)
  elseif(unit IN_LIST A_LABELS)
    message(FATAL_ERROR "${test} without ${A_OFF}: label unit runs in builds that have no mutants (scripts/sanitize.sh)")
  endif()
  set(original ${test})
  if(A_IN)
    set(original ${A_IN})
  endif()
  set(mutant ${original}-without-${A_OFF})
  holdfast_gateway_of(built_as ${original})
  if(TARGET ${mutant})
    # Another test has it already.
  elseif(original STREQUAL "holdfast-keeper")
    holdfast_keeper(${mutant} DEFINITIONS HOLDFAST_MUTANT=${A_OFF})
  else()
    add_executable(${mutant} $<TARGET_OBJECTS:${built_as}> ${CMAKE_SOURCE_DIR}/src/${A_SOURCE})
    target_compile_definitions(${mutant} PRIVATE HOLDFAST_MUTANT=${A_OFF})
    target_link_libraries(${mutant} PRIVATE $<TARGET_PROPERTY:${built_as},LINK_LIBRARIES>)
  endif()
  set_target_properties(${mutant} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_RUNTIME_OUTPUT_DIRECTORY}/mutants)
  set(program ${mutant})
  if(A_BY)
    set(program ${test})
    holdfast_gateway_of(starter ${A_BY})
    if(NOT TARGET ${A_BY}-apart)  # the same, beside no keeper
      add_custom_target(${A_BY}-apart DEPENDS ${starter}
                        COMMAND ${CMAKE_COMMAND} -E make_directory ${CMAKE_RUNTIME_OUTPUT_DIRECTORY}/mutants
                        COMMAND ${CMAKE_COMMAND} -E create_hardlink $<TARGET_FILE:${starter}>
                        ${CMAKE_RUNTIME_OUTPUT_DIRECTORY}/mutants/${A_BY})
    endif()
    add_dependencies(${test} ${mutant} ${A_BY}-apart)
    list(APPEND environment HOLDFAST_TEST_INSTEAD=${A_BY}=mutants/${A_BY}
                            HOLDFAST_KEEPER=${CMAKE_RUNTIME_OUTPUT_DIRECTORY}/mutants/${mutant})
  elseif(A_IN)
    set(program ${test})
    add_dependencies(${test} ${mutant})
    list(APPEND environment HOLDFAST_TEST_INSTEAD=${original}=mutants/${mutant}
                            HOLDFAST_KEEPER=${CMAKE_RUNTIME_OUTPUT_DIRECTORY}/holdfast-keeper)  # a gateway's, which has none beside it
  endif()
  list(APPEND environment HOLDFAST_TEST_PATIENCE=4000)
  foreach(case ${A_FAILS})
    string(REPLACE "." "\\." pattern ${case})
    add_test(NAME mutant/without_${A_OFF}_fails_${case} COMMAND ${program} --gtest_filter=${case})
    set_tests_properties(mutant/without_${A_OFF}_fails_${case} PROPERTIES LABELS "${A_LABELS}" TIMEOUT 120
                         ENVIRONMENT "${environment}" PASS_REGULAR_EXPRESSION "\\[  FAILED  \\] ${pattern}"
                         SKIP_REGULAR_EXPRESSION "\\[  SKIPPED \\] ${pattern}")
  endforeach()
endfunction()
