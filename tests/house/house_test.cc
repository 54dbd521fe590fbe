// The rules hold for the tree as it stands, and each check finds its fault in a bad tree (else it proves
// nothing).
#include "house.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace holdfast::house {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

const Tree& project() {
  static const Tree tree = read_tree(HOLDFAST_SOURCE_DIR);
  return tree;
}

Tree one(std::string path, std::vector<std::string> lines) { return {{std::move(path), std::move(lines)}}; }

TEST(House, the_tree_is_read) {
  EXPECT_GT(project().size(), 20U);
  EXPECT_THAT(project(), ::testing::Contains(::testing::Field(&File::path, "src/base/result.h")));
}

TEST(House, rooms_include_only_from_floors_below) { EXPECT_THAT(check_floors(project()), IsEmpty()); }
TEST(House, raw_calls_stand_in_os_only) { EXPECT_THAT(check_raw_calls(project()), IsEmpty()); }
TEST(House, files_stay_within_600_lines) { EXPECT_THAT(check_sizes(project()), IsEmpty()); }
TEST(House, headers_begin_with_pragma_once) { EXPECT_THAT(check_guards(project()), IsEmpty()); }
TEST(House, nothing_is_marked_unfinished) { EXPECT_THAT(check_marks(project()), IsEmpty()); }
TEST(House, tests_skip_by_one_way) { EXPECT_THAT(check_skips(project()), IsEmpty()); }

constexpr int kLeakClasses = 52;

TEST(House, every_leak_class_names_tests_that_exist) {
  const auto table = read_file(HOLDFAST_SOURCE_DIR, "docs/leak-classes.md");
  const auto python = read_file(HOLDFAST_SOURCE_DIR, "tests/systemd/unit_test.py");
  EXPECT_THAT(check_leak_classes(table, kLeakClasses, project(), python), IsEmpty());
}

TEST(HouseControl, a_leak_class_without_its_test_is_found) {
  const Tree tree = one("tests/a_test.cc", {"TEST_F(Pool,", "       L1_it_holds) {"});
  const File python{"tests/b.py", {"class Units(unittest.TestCase):", "    def test_it(self) -> None:"}};
  const auto check = [&](std::vector<std::string> rows, int classes) {
    return check_leak_classes({"docs/leak-classes.md", std::move(rows)}, classes, tree, python);
  };
  const std::string good = "| L1 a | b | `Pool.L1_it_holds`, `Units.test_it` |";
  EXPECT_THAT(check({good}, 1), IsEmpty());
  EXPECT_THAT(check({good}, 2), ElementsAre(HasSubstr("L2 has 0 rows")));
  EXPECT_THAT(check({good, good}, 1), ElementsAre(HasSubstr("L1 has 2 rows")));
  EXPECT_THAT(check({"| L1 a | b | `Pool.gone` |"}, 1), ElementsAre(HasSubstr("no test Pool.gone")));
  EXPECT_THAT(check({"| L1 a | b | by design |"}, 1), ElementsAre(HasSubstr("no test is named")));
}

TEST(HouseControl, a_floor_above_is_found) {
  EXPECT_THAT(check_floors(one("src/custody/tree.h", {"#pragma once", "#include \"gateway/pool.h\""})),
              ElementsAre(HasSubstr("src/custody/tree.h:2: custody includes gateway on a floor above")));
}

TEST(HouseControl, a_neighbour_on_the_same_floor_is_found) {
  EXPECT_THAT(check_floors(one("src/mcp/client_test.cc", {"#include \"custody/tree.h\""})),
              ElementsAre(HasSubstr("mcp includes custody on the same floor")));
}

TEST(HouseControl, a_room_without_a_floor_is_found) {
  EXPECT_THAT(check_floors(one("src/attic/box.cc", {})), ElementsAre(HasSubstr("'attic' has no floor")));
}

TEST(HouseControl, floors_below_and_the_own_room_are_fine) {
  EXPECT_THAT(
      check_floors(one("src/gateway/pool.cc", {"#include \"gateway/pool.h\"", "#include \"mcp/client.h\"",
                                               "#include \"base/result.h\"", "#include \"absl/time.h\""})),
      IsEmpty());
  EXPECT_THAT(check_floors(one("apps/holdfast/main.cc", {"#include \"cli/main.h\""})), IsEmpty());
  EXPECT_THAT(check_floors(one("tests/e2e/story_test.cc", {"#include \"daemon/daemon.h\""})), IsEmpty());
}

TEST(HouseControl, a_skip_of_its_own_is_found) {
  const std::vector<std::string> skip{
      "  if (bad) GTEST_"
      "SKIP() << 1;"};
  EXPECT_THAT(check_skips(one("src/os/spawn_test.cc", skip)), SizeIs(1));
  EXPECT_THAT(check_skips(one("tests/needs.h", skip)), IsEmpty());
}

TEST(HouseControl, raw_calls_outside_os_are_found) {
  EXPECT_THAT(
      check_raw_calls(one("src/custody/keeper.cc",
                          {"  ::kill(pid, SIGKILL);", "  if (fork() == 0) {", "return prctl(PR_SET_NAME, x);",
                           "auto r = ::waitid(P_PID, id, &info, WEXITED);", "!flock(fd, LOCK_EX)",
                           "std::signal(SIGPIPE, SIG_IGN);"})),
      SizeIs(6));
  EXPECT_THAT(check_raw_calls(one("apps/keeper/main.cc", {"  syscall(SYS_exit, 0);"})), SizeIs(1));
}

TEST(HouseControl, calls_of_our_own_and_comments_are_fine) {
  EXPECT_THAT(check_raw_calls(
                  one("src/custody/keeper.cc",
                      {"  os::kill(pid, SIGKILL);", "  leaf.kill();", "  tree->kill();", "// fork() is dear",
                       "  return error(\"kill(2) failed\");", "  Result<void> kill(int sig);",
                       "  Pass kill();", "Members::Pass kill() {", "  do_fork();"})),
              IsEmpty());
  EXPECT_THAT(check_raw_calls(one("src/os/pidfd.cc", {"  ::syscall(SYS_pidfd_open, pid, 0);"})), IsEmpty());
  EXPECT_THAT(check_raw_calls(one("src/custody/keeper_test.cc", {"  ::kill(pid, SIGKILL);"})), IsEmpty());
}

TEST(HouseControl, a_long_file_is_found) {
  EXPECT_THAT(check_sizes(one("src/base/a.cc", std::vector<std::string>(601, "x"))), SizeIs(1));
  EXPECT_THAT(check_sizes(one("src/base/a.cc", std::vector<std::string>(600, "x"))), IsEmpty());
}

TEST(HouseControl, a_header_without_a_guard_is_found) {
  EXPECT_THAT(check_guards(one("src/base/a.h", {"// What it is.", "", "#include <map>", "#pragma once"})),
              SizeIs(1));
  EXPECT_THAT(check_guards(one("src/base/a.h", {})), SizeIs(1));
  EXPECT_THAT(check_guards(one("src/base/a.h", {"// What it is.", "#pragma once"})), IsEmpty());
  EXPECT_THAT(check_guards(one("tests/a.h", {"/* What", " * it is. */", "#pragma once"})), IsEmpty());
  EXPECT_THAT(check_guards(one("tests/a.h", {"/* What it is. */", "#define A", "#pragma once"})), SizeIs(1));
}

TEST(HouseControl, unfinished_marks_are_found) {
  const std::string word = std::string("TO") + "DO";
  EXPECT_THAT(check_marks(one("src/base/a.cc", {"int a;  // " + word + ": b"})), SizeIs(1));
  EXPECT_THAT(check_marks(one("src/base/a.cc", {"int " + word + "S = 1;"})), IsEmpty());
}

}  // namespace
}  // namespace holdfast::house
