// The model acts by the table of the code: docs/model/tree_table.pml and the picture in docs/model/README.md
// are generated from kTreeTable. HOLDFAST_UPDATE_DOCS=1 writes them.
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>

#include "custody/tree_state.h"

namespace holdfast::custody {
namespace {

using Table = std::remove_const_t<decltype(detail::kTreeTable)>;

constexpr std::string_view to_string(TreeAction action) {
  switch (action) {
    case TreeAction::none:
      return "none";
    case TreeAction::serve:
      return "serve";
    case TreeAction::retire:
      return "retire";
    case TreeAction::ladder:
      return "ladder";
    case TreeAction::report:
      return "report";
    case TreeAction::bury:
      return "bury";
    case TreeAction::forbidden:
      return "forbidden";
  }
  return "?";
}

template <class E>
std::string numbered(char prefix, std::size_t count) {
  std::ostringstream out;
  for (std::size_t i = 0; i < count; ++i)
    out << "#define " << prefix << '_' << to_string(static_cast<E>(i)) << ' ' << i << '\n';
  return out.str();
}

std::string as_promela(const Table& table) {
  constexpr auto kActions = static_cast<std::size_t>(TreeAction::forbidden) + 1;
  std::ostringstream out;
  out << "/* Generated from kTreeTable of src/custody/tree_state.h (README.md says how). Do not edit. */\n"
      << numbered<TreeState>('S', kTreeStates) << "#define EVENTS " << kTreeEvents << '\n'
      << numbered<TreeEvent>('E', kTreeEvents) << numbered<TreeAction>('A', kActions)
      << "hidden byte next_state[" << kTreeStates * kTreeEvents << "];\n"
      << "hidden byte due[" << kTreeStates * kTreeEvents << "];\n"
      << "inline read_table() {\n";
  for (std::size_t s = 0; s < kTreeStates; ++s)
    for (std::size_t e = 0; e < kTreeEvents; ++e) {
      std::ostringstream at;
      at << "[S_" << to_string(static_cast<TreeState>(s)) << " * EVENTS + E_"
         << to_string(static_cast<TreeEvent>(e)) << ']';
      out << "  next_state" << at.str() << " = S_" << to_string(table[s][e].next) << "; due" << at.str()
          << " = A_" << to_string(table[s][e].action) << ";\n";
    }
  out << "}\n";
  return out.str();
}

constexpr std::string_view kBegin = "<!-- generated: begin -->\n";
constexpr std::string_view kEnd = "<!-- generated: end -->\n";

// What changes nothing is left out, or nobody could see the rest.
std::string as_picture(const Table& table) {
  std::ostringstream out;
  out << "```mermaid\nstateDiagram-v2\n  [*] --> " << to_string(TreeState::starting) << '\n';
  for (std::size_t s = 0; s < kTreeStates; ++s) {
    const auto from = static_cast<TreeState>(s);
    std::map<std::pair<TreeState, TreeAction>, std::string> arrows;
    for (std::size_t e = 0; e < kTreeEvents; ++e) {
      const TreeStep& step = table[s][e];
      if (step.next == from) continue;
      std::string& events = arrows[{step.next, step.action}];
      events += (events.empty() ? "" : ", ") + std::string(to_string(static_cast<TreeEvent>(e)));
    }
    for (const auto& [step, events] : arrows)
      out << "  " << to_string(from) << " --> " << to_string(step.first) << ": " << events << " / "
          << to_string(step.second) << '\n';
  }
  out << "  " << to_string(TreeState::gone) << " --> [*]\n```\n";
  return out.str();
}

std::string read(const std::string& path) {
  std::stringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

const std::string kModel = std::string(HOLDFAST_SOURCE_DIR) + "/docs/model/";
bool updating() { return std::getenv("HOLDFAST_UPDATE_DOCS") != nullptr; }

TEST(Model, acts_by_the_table_of_the_code) {
  const std::string path = kModel + "tree_table.pml", text = as_promela(detail::kTreeTable);
  if (updating()) std::ofstream(path) << text;
  EXPECT_EQ(read(path), text);
}

TEST(Model, its_picture_shows_the_table_of_the_code) {
  const std::string path = kModel + "README.md";
  std::string page = read(path);
  const auto begin = page.find(kBegin), end = page.find(kEnd);
  ASSERT_NE(begin, page.npos);
  ASSERT_LT(begin, end);
  const auto from = begin + kBegin.size();
  const std::string picture = as_picture(detail::kTreeTable);
  if (updating()) {
    std::ofstream(path) << page.replace(from, end - from, picture);
    return;
  }
  EXPECT_EQ(page.substr(from, end - from), picture);
}

TEST(ModelControl, a_changed_cell_is_seen) {
  for (std::size_t s = 0; s < kTreeStates; ++s)
    for (std::size_t e = 0; e < kTreeEvents; ++e) {
      Table table = detail::kTreeTable;
      TreeStep& step = table[s][e];
      step.next = step.next == TreeState::gone ? TreeState::active : TreeState::gone;
      EXPECT_NE(as_promela(table), as_promela(detail::kTreeTable));
      EXPECT_NE(as_picture(table), as_picture(detail::kTreeTable));
    }
}

}  // namespace
}  // namespace holdfast::custody
