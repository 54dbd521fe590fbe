# Joined by os/CMakeLists.txt, or by schedule where the rest of os is not there.
if(NOT TARGET holdfast_os_timer)
  holdfast_library(os_timer SOURCES ${CMAKE_CURRENT_LIST_DIR}/timer.cc DEPS holdfast::base)
endif()
