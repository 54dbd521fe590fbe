# Real keepers against hostile servers, judged from outside. outer is for other test programs too.
add_library(holdfast_outer STATIC ${CMAKE_CURRENT_LIST_DIR}/outer.cc)
target_include_directories(holdfast_outer PUBLIC ${CMAKE_CURRENT_LIST_DIR})
target_compile_definitions(holdfast_outer PUBLIC HOLDFAST_TEST_BIN_DIR="${CMAKE_RUNTIME_OUTPUT_DIRECTORY}")
target_link_libraries(holdfast_outer PUBLIC holdfast_flags holdfast::os holdfast::base)
add_library(holdfast::outer ALIAS holdfast_outer)

if(COMMAND holdfast_keeper)
  holdfast_keeper(keeper-without-heap ${CMAKE_CURRENT_LIST_DIR}/heap_aborts.cc)
endif()
holdfast_test(keeper SOURCES ${CMAKE_CURRENT_LIST_DIR}/keeper_adversaries_test.cc
              ${CMAKE_CURRENT_LIST_DIR}/keeper_life_test.cc ${CMAKE_CURRENT_LIST_DIR}/keeper_run.cc
              DEPS holdfast::outer holdfast::members holdfast::ladder LABELS custody TIMEOUT 90)
add_dependencies(keeper_test adversaries holdfast-keeper keeper-without-heap)
