#include "gateway/environment.h"

#include <gtest/gtest.h>

namespace holdfast::gateway {
namespace {

TEST(Environment, inherits_the_allow_list_only_and_the_entry_wins) {
  const char* own[] = {"HOME=/home/a", "AWS_SECRET=x",          "LC_ALL=C",
                       "PATH=/bin",    "HOLDFAST_TREE=outer/1", nullptr};
  EXPECT_EQ(make_environment(own, {{"PATH", "/opt"}, {"TOKEN", "t=1"}}),
            (std::vector<std::string>{"HOME=/home/a", "LC_ALL=C", "PATH=/opt", "TOKEN=t=1"}));
}

TEST(Environment, always_has_a_path) {
  const char* own[] = {nullptr};
  EXPECT_EQ(make_environment(own, {}), (std::vector<std::string>{"PATH=/usr/local/bin:/usr/bin:/bin"}));
}

}  // namespace
}  // namespace holdfast::gateway
