// The rules of the house, read from the source text: floors, raw calls, sizes, guards, unfinished marks.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace holdfast::house {

struct File {
  std::string path;  // relative to the tree's root, with '/'
  std::vector<std::string> lines;
};
using Tree = std::vector<File>;

// Every .h, .cc and .c under src, apps, tests and bench of `root`, in order of their paths. Generated and
// fetched folders (build, node_modules, hidden ones) are not entered.
Tree read_tree(const std::filesystem::path& root);

// Each check gives its findings, "path:line: what is wrong"; none means that the rule holds.
using Findings = std::vector<std::string>;
Findings check_floors(const Tree& tree);     // a room includes only from floors below its own
Findings check_raw_calls(const Tree& tree);  // process and system calls stand in src/os only
Findings check_sizes(const Tree& tree);      // no file over 600 lines
Findings check_guards(const Tree& tree);     // every .h begins with #pragma once
Findings check_marks(const Tree& tree);      // nothing is marked as unfinished
Findings check_skips(const Tree& tree);      // a test is skipped through tests/needs.h only

// One file as a tree has it; without lines if it cannot be read.
File read_file(const std::filesystem::path& root, const std::string& path);
// docs/leak-classes.md: each of the `classes` has one row, "| Ln words | words | `Suite.test`, … |", and
// every test that a row names is in the tree. `python`: a file of unittest's, whose class is the suite.
Findings check_leak_classes(const File& table, int classes, const Tree& tree, const File& python);

}  // namespace holdfast::house
