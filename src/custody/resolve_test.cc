#include "custody/resolve.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "base/ids.h"

namespace holdfast::custody {
namespace {

namespace fs = std::filesystem;

Command command(std::string program, std::vector<std::string> environment, std::string cwd = {}) {
  Command made;
  made.program = std::move(program);
  made.environment = std::move(environment);
  made.cwd = std::move(cwd);
  return made;
}

class Resolve : public ::testing::Test {
 protected:
  Resolve() : root_(fs::temp_directory_path() / ("resolve-" + random_hex(6))) {
    fs::create_directories(root_ / "bin");
  }
  ~Resolve() override { fs::remove_all(root_); }
  void put(const std::string& name, bool executable) {
    std::ofstream(root_ / name) << "#!/bin/sh\n";
    fs::permissions(root_ / name, executable ? fs::perms::owner_all : fs::perms::owner_read);
  }
  fs::path root_;
};

TEST_F(Resolve, looks_in_the_path_of_the_commands_own_environment) {
  put("bin/tool", true);
  const auto found = find_program(command("tool", {"PATH=/nowhere:" + (root_ / "bin").native()}));
  ASSERT_TRUE(found) << found.error().message();
  EXPECT_EQ(*found, root_ / "bin/tool");
}

TEST_F(Resolve, a_slash_means_relative_to_the_working_directory) {
  put("bin/tool", true);
  const auto found = find_program(command("./bin/tool", {}, root_.native()));
  ASSERT_TRUE(found) << found.error().message();
  EXPECT_EQ(*found, root_ / "bin/tool");
}

TEST_F(Resolve, says_where_it_looked) {
  const auto found = find_program(command("npxx", {"PATH=/usr/bin:/bin"}));
  ASSERT_FALSE(found);
  EXPECT_TRUE(found.error().is_errno(ENOENT));
  EXPECT_EQ(found.error().subject.view(), "npxx: not found in PATH (/usr/bin:/bin)");
}

TEST_F(Resolve, a_file_without_the_right_is_permission_denied) {
  put("bin/tool", false);
  const auto found = find_program(command("tool", {"PATH=" + (root_ / "bin").native()}));
  ASSERT_FALSE(found);
  EXPECT_TRUE(found.error().is_errno(EACCES));
  EXPECT_EQ(found.error().message(), (root_ / "bin/tool").native() + ": Permission denied");
}

TEST_F(Resolve, a_directory_is_no_program) {
  const auto found = find_program(command((root_ / "bin").native(), {}));
  ASSERT_FALSE(found);
  EXPECT_TRUE(found.error().is_errno(EACCES));
}

}  // namespace
}  // namespace holdfast::custody
