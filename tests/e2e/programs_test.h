// A test of the real programs: whatever they start stays below the test's own process, and is counted there.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>

#include "census.h"
#include "program.h"

namespace holdfast::test {

class ProgramsTest : public testing::Test {
 protected:
  void SetUp() override { own_all_descendants(); }
  void TearDown() override {
    EXPECT_TRUE(nobody_left_within(std::chrono::seconds(5))) << to_string(living_descendants());
    clean_up();
  }
  // Of fixtures/mcp_server, detached helpers included.
  static std::ptrdiff_t servers() {
    const auto all = living_servers();
    return std::ranges::count_if(all, [](const Living& each) { return each.comm == "mcp_server"; });
  }
  static bool servers_become(std::ptrdiff_t count, std::chrono::milliseconds limit) {
    return until([count] { return servers() == count; }, limit);
  }
};

}  // namespace holdfast::test
