# Joined by os/CMakeLists.txt, or by net where the rest of os is not there.
if(NOT TARGET holdfast_os_peer)
  holdfast_library(os_peer SOURCES ${CMAKE_CURRENT_LIST_DIR}/peer.cc DEPS holdfast::base)
endif()
