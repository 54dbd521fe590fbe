# The ladder is shared by custodian and keeper; the keeper is built its own way (apps/keeper).
holdfast_library(ladder SOURCES ${CMAKE_CURRENT_LIST_DIR}/ladder.cc DEPS holdfast::base)
holdfast_test(ladder SOURCES ${CMAKE_CURRENT_LIST_DIR}/ladder_test.cc DEPS holdfast::ladder)
holdfast_library(members SOURCES ${CMAKE_CURRENT_LIST_DIR}/members.cc DEPS holdfast::os)
