// What a test needs of the machine. The only way to skip one: aloud, and not at all where it was said that
// this machine has what is needed.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <string>
#include <string_view>

namespace holdfast::test {

// True if the environment variable CUSTODY_REQUIRE names `capability` (a comma-separated list).
inline bool required(std::string_view capability) {
  const char* value = std::getenv("CUSTODY_REQUIRE");
  if (value == nullptr) return false;
  return ("," + std::string(value) + ",").find("," + std::string(capability) + ",") != std::string::npos;
}

}  // namespace holdfast::test

// Skips this test (all of its fixture's, in SetUp) unless `has`, and fails it instead if the capability is
// required. `why` says what the machine lacks; it is asked only then.
#define HOLDFAST_NEEDS(capability, has, why)                            \
  do {                                                                  \
    if (has) break;                                                     \
    const std::string lacking = std::string(capability) + ": " + (why); \
    if (holdfast::test::required(capability)) GTEST_FAIL() << lacking;  \
    GTEST_SKIP() << lacking;                                            \
  } while (false)
