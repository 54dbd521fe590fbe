// A server that is a container. The runtime's daemon starts it, so that it is no descendant of the command
// line that asked, and outlives it: `docker run …` gets labels, by which it is ended when the tree is.
#pragma once

#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "custody/ledger.h"
#include "custody/types.h"

namespace holdfast::custody {

// One tree's containers: kept on disk from before its command executes until the runtime names none any more.
struct Container {
  LedgerEntry tree;  // whose, as it was before its first process
  Command cli;       // program, global options, environment, directory: a verb comes after its arguments
};

// Where in the arguments of `docker`, `podman` or `nerdctl` (by the base name of the program) the word `run`
// of `[global options] [container] run …` stands. nullopt: something else. A global option takes the word
// after it as its value, unless that is `run` or `container`.
std::optional<std::size_t> position_of_run(const Command& command);

// If `command` runs a container: puts --cidfile, both labels and --init just after `run` (the entry's own
// come later, and of two the runtime takes the last), and says what there is to end. Else leaves it alone.
std::optional<Container> adopt_container(Command& command, const LedgerEntry& tree,
                                         const std::filesystem::path& directory);

// "name=value": what every container of a tree bears, and what every container of one life of a gateway does.
std::string label_of_tree(const LedgerEntry& tree);
std::string label_of_life(const LedgerEntry& tree);

// The record of a container, and back. Of the environment only what tells a CLI where its daemon is, so that
// no secret of a server comes to disk.
std::string encode(const Container& container);
Result<Container> decode_container(std::string_view text);

// Files of `directory`, made if need be. They block.
Result<void> record(const Container& container, const std::filesystem::path& directory);
void forget(const Container& container, const std::filesystem::path& directory);
// True once the CLI wrote which container it made: no other is under way.
bool has_cid(const Container& container, const std::filesystem::path& directory);
// All that is recorded. What cannot be read is named in the log and stays.
std::vector<Container> recorded(const std::filesystem::path& directory);

// The output of `ps -aq --no-trunc`: ids, one a line. Errc::invalid: it is something else.
Result<std::vector<std::string>> parse_ids(std::string_view text);

}  // namespace holdfast::custody
