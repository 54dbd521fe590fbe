// `ps --tree`: the processes of one instance, drawn. Internal to cli.
#pragma once

#include <iosfwd>
#include <nlohmann/json_fwd.hpp>

namespace holdfast::cli {

// `processes`: [{"pid","ppid","name","memory_bytes"}]. Whoever's parent is not among them is a root.
void print_process_tree(std::ostream& out, const nlohmann::ordered_json& processes);

}  // namespace holdfast::cli
