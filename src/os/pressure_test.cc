#include "os/pressure.h"

#include <gtest/gtest.h>

#include "needs.h"

namespace holdfast::os {
namespace {

using namespace std::chrono_literals;

TEST(Pressure, a_trigger_is_registered_where_the_kernel_has_psi) {
  const auto fd = open_memory_pressure(200ms, 2s);
  HOLDFAST_NEEDS("psi", fd.has_value(), "no pressure stall information here: " + fd.error().message());
  EXPECT_GE(fd->get(), 0);
}

// The kernel took the one above at its word, then, and not anything.
TEST(Pressure, a_trigger_that_cannot_be_is_an_error) {
  HOLDFAST_NEEDS("psi", open_memory_pressure(200ms, 2s).has_value(), "no pressure stall information here");
  EXPECT_FALSE(open_memory_pressure(3s, 2s)) << "more stall than window";
}

}  // namespace
}  // namespace holdfast::os
