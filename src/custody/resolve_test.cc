#include "custody/resolve.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <filesystem>
#include <fstream>

#include "base/ids.h"

namespace holdfast::custody {
namespace {

namespace fs = std::filesystem;

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
  // The path that it finds, or the errno in words.
  std::string find(const std::string& word, std::string path) {
    path.insert(0, "PATH=");
    char* environment[] = {path.data(), nullptr};
    FixedString<1024> room;
    const auto found = find_program(word.c_str(), environment, room);
    if (found) return *found;
    if (found.error().is_errno(ENOENT)) return "ENOENT";
    return found.error().is_errno(EACCES) ? "EACCES" : found.error().message();
  }
  fs::path root_;
};

TEST_F(Resolve, looks_in_the_path_of_the_commands_own_environment) {
  put("bin/tool", true);
  EXPECT_EQ(find("tool", "/nowhere:" + (root_ / "bin").native()), root_ / "bin/tool");
  EXPECT_EQ(find("tool", "/nowhere"), "ENOENT");
}

TEST_F(Resolve, without_a_path_there_is_a_usual_one) { EXPECT_NE(find("sh", ""), "ENOENT"); }

TEST_F(Resolve, a_slash_means_no_search) {
  put("bin/tool", true);
  EXPECT_EQ(find((root_ / "bin/tool").native(), "/nowhere"), root_ / "bin/tool");
  EXPECT_EQ(find((root_ / "bin/tool/below").native(), "/nowhere"), "ENOENT");
}

TEST_F(Resolve, a_file_without_the_right_is_permission_denied_unless_it_is_found_further_on) {
  put("bin/tool", false);
  const std::string bin = (root_ / "bin").native();
  EXPECT_EQ(find("tool", bin + ":/nowhere"), "EACCES");
  put("tool", true);
  EXPECT_EQ(find("tool", bin + ":" + root_.native()), root_ / "tool");
}

TEST_F(Resolve, a_directory_is_no_program) {
  EXPECT_EQ(find((root_ / "bin").native(), ""), "EACCES");
  EXPECT_EQ(find("bin", root_.native()), "EACCES");
}

TEST_F(Resolve, no_word_is_no_program) { EXPECT_EQ(find("", "/bin"), "ENOENT"); }

}  // namespace
}  // namespace holdfast::custody
