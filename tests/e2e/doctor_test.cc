// What `holdfast doctor` leaves: it does in small what a gateway does at its start.
#include <gtest/gtest.h>

#include <unistd.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "needs.h"
#include "os/cgroup.h"
#include "os/process.h"
#include "outer.h"

namespace holdfast::test {
namespace {

using nlohmann::json;

// `holdfast doctor --json` in the outer's cgroup.
json doctor(Outer& outer) {
  auto pipe = os::pipe_pair();
  auto null = os::open_null();
  auto child = outer.start({.path = HOLDFAST_PROGRAM,
                            .arguments = {"doctor", "--json", "--socket", "/nonexistent"},
                            .fds = {null->get(), pipe->second.get(), null->get()}});
  if (!child) return {{"failed", child.error().message()}};
  pipe->second.reset();
  std::string text;
  for (std::array<char, 4096> part{};;) {
    const auto size = ::read(pipe->first.get(), part.data(), part.size());
    if (size <= 0) break;
    text.append(part.data(), static_cast<std::size_t>(size));
  }
  return json::parse(text, nullptr, false);
}

TEST(Doctor, L6_leaves_no_process) {
  Outer outer;
  const json told = doctor(outer);
  ASSERT_TRUE(told.contains("here")) << told;
  EXPECT_TRUE(outer.empty_within(patience(std::chrono::seconds(2)))) << outer.describe();
}

TEST(Doctor, tries_a_leaf_and_leaves_none) {
  Outer outer;
  HOLDFAST_NEEDS("leaf", !outer.cgroup().empty(), outer.why_no_cgroup());
  const json told = doctor(outer);
  ASSERT_TRUE(told.contains("here")) << told;
  EXPECT_EQ(told["here"]["rung"], "leaf") << told;
  const auto left = [&] { return os::list_cgroups(outer.cgroup(), "").value(); };
  EXPECT_EQ(left(), std::vector<std::string>{});
  // The control: one that stayed would be seen.
  ASSERT_TRUE(os::CgroupLeaf::create(outer.cgroup(), "stayed"));
  EXPECT_EQ(left(), std::vector<std::string>{"stayed"});
}

// As a start does: what a killed gateway or doctor left, if nobody holds it.
TEST(Doctor, removes_what_dead_ones_left_and_nothing_else) {
  Outer outer;
  HOLDFAST_NEEDS("leaf", !outer.cgroup().empty(), outer.why_no_cgroup());
  ASSERT_TRUE(os::CgroupLeaf::create(outer.cgroup(), "holdfast-0123abcd"));
  ASSERT_TRUE(os::CgroupLeaf::create(outer.cgroup() + "/holdfast-0123abcd", "memory-1"));
  const auto held = os::CgroupLeaf::create(outer.cgroup(), "holdfast-4567abcd");
  ASSERT_TRUE(held && os::lock_descriptor(held->dir(), false));
  ASSERT_TRUE(os::CgroupLeaf::create(outer.cgroup(), "holdfast-somebodys"));
  const json told = doctor(outer);
  ASSERT_TRUE(told.contains("here")) << told;
  auto left = os::list_cgroups(outer.cgroup(), "").value();
  std::ranges::sort(left);
  EXPECT_EQ(left, (std::vector<std::string>{"holdfast-4567abcd", "holdfast-somebodys"}));
}

}  // namespace
}  // namespace holdfast::test
