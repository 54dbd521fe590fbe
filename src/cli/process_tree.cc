#include "cli/process_tree.h"

#include <map>
#include <nlohmann/json.hpp>
#include <ostream>
#include <set>
#include <vector>

#include "cli/context.h"
#include "cli/table.h"

namespace holdfast::cli {

namespace {

using Children = std::map<long, std::vector<const Json*>>;

void draw(std::ostream& out, const Children& children, const Json& process, const std::string& indent,
          bool last, std::set<long>& drawn) {
  const long pid = process.value("pid", 0L);
  if (!drawn.insert(pid).second) return;  // a reused number must not send us in a circle
  out << indent << (last ? "└─ " : "├─ ") << process.value("pid", 0L) << ' '
      << one_line(process.value("name", "?"), 40) << "  " << memory_of(process) << '\n';
  const auto below = children.find(pid);
  if (below == children.end()) return;
  for (const Json* child : below->second) {
    draw(out, children, *child, indent + (last ? "   " : "│  "), child == below->second.back(), drawn);
  }
}

}  // namespace

void print_process_tree(std::ostream& out, const Json& processes) {
  std::set<long> present, drawn;
  for (const auto& process : processes) present.insert(process.value("pid", 0L));
  Children children;
  std::vector<const Json*> roots;
  for (const auto& process : processes) {
    const long parent = process.value("ppid", 0L);
    if (present.contains(parent)) {
      children[parent].push_back(&process);
    } else {
      roots.push_back(&process);
    }
  }
  for (const Json* root : roots) draw(out, children, *root, "  ", root == roots.back(), drawn);
}

}  // namespace holdfast::cli
