// Records of containers and what a runtime answers: a record that is accepted is one that the writer could
// have made, and names no program but a container runtime; an answer that is accepted holds ids alone.
#include <string>

#include "custody/container.h"
#include "fuzz.h"

namespace {

using namespace holdfast::custody;
using holdfast::fuzz::require;

void check_accepted(const Container& container) {
  const auto written = encode(container);
  const auto again = decode_container(written);
  require(again && again->tree == container.tree && encode(*again) == written,
          "a record that no writer makes");
  require(again->cli.environment == container.cli.environment, "a variable that no record holds");
  Command run = container.cli;
  run.arguments = {"run", "image"};
  require(position_of_run(run) == 0U, "a program that is no container runtime");
  for (std::size_t end = 0; end < written.size(); end += 1 + written.size() / 16)
    require(!decode_container(std::string_view(written).substr(0, end)), "a torn record");
}

// The words of any command: what we insert stands just after `run`, and nothing else changes.
void check_adopted(std::string_view text) {
  Command command{.program = "docker", .arguments = {}, .environment = {}, .cwd = "/"};
  for (const auto word : holdfast::fuzz::split(text, '\n')) command.arguments.emplace_back(word);
  const auto before = command.arguments;
  LedgerEntry tree;
  tree.id = "t";
  const auto at = position_of_run(command);
  const auto container = adopt_container(command, tree, "/s");
  require(container.has_value() == at.has_value(), "found, and not found");
  if (!container) return require(command.arguments == before, "a command that is none of ours was changed");
  const auto inserted = static_cast<std::ptrdiff_t>(command.arguments.size() - before.size());
  const auto from = command.arguments.begin() + static_cast<std::ptrdiff_t>(*at) + 1;
  require(*(from - 1) == "run" && *from == "--init", "not just after the verb");
  command.arguments.erase(from, from + inserted);
  require(command.arguments == before, "a word of the entry was changed");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  holdfast::fuzz::input = text;
  if (const auto container = decode_container(text)) check_accepted(*container);
  if (const auto ids = parse_ids(text))
    for (const auto& id : *ids)
      require(id.find_first_not_of("0123456789abcdef") == id.npos && id.size() >= 12, "an id that is none");
  if (text.find('\0') == text.npos) check_adopted(text);
  return 0;
}
