# Debian 12's packages. Static archives where they exist: absl, yaml-cpp, SQLite, spdlog and OpenSSL as shared objects
# cost a start 8-11 ms before main; fmt and spdlog are used header-only for the same reason.
include(GoogleTest)
find_package(Threads REQUIRED)
find_package(GTest REQUIRED)
find_package(Boost 1.81 REQUIRED)
find_package(simdjson REQUIRED)
find_package(fmt REQUIRED)

function(holdfast_archive target library)
  find_library(${target}_ARCHIVE NAMES lib${library}.a REQUIRED)
  add_library(${target} STATIC IMPORTED)
  set_target_properties(${target} PROPERTIES IMPORTED_LOCATION ${${target}_ARCHIVE})
endfunction()

holdfast_archive(dep_sqlite3 sqlite3)
holdfast_archive(dep_sqlitecpp SQLiteCpp)
holdfast_archive(dep_yaml yaml-cpp)
holdfast_archive(dep_crypto crypto)
holdfast_archive(dep_ssl ssl)
target_link_libraries(dep_crypto INTERFACE Threads::Threads ${CMAKE_DL_LIBS})
target_link_libraries(dep_ssl INTERFACE dep_crypto)
# Abseil's archives, in the order in which they need each other.
foreach(part time time_zone civil_time strings strings_internal int128 base spinlock_wait throw_delegate raw_logging_internal log_severity)
  holdfast_archive(dep_absl_${part} absl_${part})
  if(previous)
    target_link_libraries(${previous} INTERFACE dep_absl_${part})
  endif()
  set(previous dep_absl_${part})
endforeach()
unset(previous)
target_link_libraries(dep_absl_log_severity INTERFACE Threads::Threads)
target_link_libraries(dep_sqlite3 INTERFACE Threads::Threads ${CMAKE_DL_LIBS} m)
target_link_libraries(dep_sqlitecpp INTERFACE dep_sqlite3)

# Asio is compiled once, in src/base/asio.cc, and Beast in src/net/beast.cc; everybody else includes single headers.
add_library(dep_asio INTERFACE)
target_link_libraries(dep_asio INTERFACE Boost::headers Threads::Threads)

add_library(dep_fmt ALIAS fmt::fmt-header-only)
