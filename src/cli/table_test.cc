#include "cli/table.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <sstream>

#include "cli/process_tree.h"

namespace holdfast::cli {
namespace {

TEST(Table, columns_line_up_by_characters_and_colours_are_only_on_demand) {
  Table table({"NAME", "STATE", "X"});
  table.add({"größe", "ready", "1"});
  table.add({"a", "parked", "2"});
  std::ostringstream plain, coloured;
  table.print(plain, false);
  EXPECT_EQ(plain.str(), "NAME   STATE   X\ngröße  ready   1\na      parked  2\n");
  table.print(coloured, true);
  EXPECT_NE(coloured.str().find("\x1b[32mready\x1b[0m"), std::string::npos);
}

TEST(Table, sizes_and_lines_are_short) {
  EXPECT_EQ(format_bytes(512), "512B");
  EXPECT_EQ(format_bytes(1536), "1.5K");
  EXPECT_EQ(format_bytes(512LL << 20), "512M");
  EXPECT_EQ(one_line("a\nb\x1b[31m", 20), "a b [31m");
  EXPECT_EQ(one_line("abcdefgh", 6), "abc...");
  EXPECT_EQ(age_of(""), "-");
  EXPECT_TRUE(age_of("1970-01-01T00:00:00.000Z").ends_with("d"));
}

TEST(ProcessTree, children_stand_below_their_parents_with_pids_and_memory) {
  const auto processes = nlohmann::ordered_json::parse(
      R"([{"pid":10,"ppid":1,"name":"keeper","memory_bytes":45056},{"pid":11,"ppid":10,"name":"npx","memory_bytes":1048576},
          {"pid":12,"ppid":11,"name":"node","memory_bytes":0},{"pid":13,"ppid":10,"name":"helper","memory_bytes":null}])");
  std::ostringstream out;
  print_process_tree(out, processes);
  EXPECT_EQ(out.str(),
            "  └─ 10 keeper  44.0K\n     ├─ 11 npx  1.0M\n     │  └─ 12 node  0B\n     └─ 13 helper  -\n");
}

TEST(ProcessTree, a_circle_of_reused_numbers_ends) {
  const auto processes = nlohmann::ordered_json::parse(
      R"([{"pid":1,"ppid":9,"name":"r","memory_bytes":0},{"pid":2,"ppid":1,"name":"a","memory_bytes":0},{"pid":2,"ppid":2,"name":"b","memory_bytes":0}])");
  std::ostringstream out;
  print_process_tree(out, processes);
  EXPECT_FALSE(out.str().empty());
}

}  // namespace
}  // namespace holdfast::cli
