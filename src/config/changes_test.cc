#include "config/changes.h"

#include <gtest/gtest.h>

namespace holdfast::config {
namespace {

using Names = std::vector<std::string>;

TEST(changes, name_every_entry_that_differs_and_count_the_others) {
  Server server;
  std::map<std::string, Server> before{{"a", server}, {"b", server}, {"c", server}};
  auto after = before;
  after.erase("c");
  after["d"] = server;
  after["b"].env["X"] = "1";
  EXPECT_EQ(compare(before, after), (Changes{{"d"}, {"b"}, {"c"}, 1}));
  EXPECT_EQ(compare(before, before), (Changes{{}, {}, {}, 3}));
}

TEST(changes, what_acts_at_the_start_only_is_named) {
  Config before, after;
  after.drain += milliseconds(1);
  after.scheduler_workers = 2;
  EXPECT_EQ(needs_restart(before, after), Names{});
  after.listen = {"127.0.0.1:1"};
  after.custody_require = "leaf";
  after.session_idle_timeout += milliseconds(1);
  EXPECT_EQ(needs_restart(before, after), (Names{"listen", "custody.require", "sessions.idleTimeout"}));
}

}  // namespace
}  // namespace holdfast::config
