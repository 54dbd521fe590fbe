// Walks the file's tree along the table of options: finds each key's row, reads its value by type, sets it,
// and collects every problem with its place.
#pragma once

#include <array>
#include <filesystem>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "config/document.h"
#include "config/schema.h"

namespace holdfast::config {

class Reader {
 public:
  Reader(Config& config, std::vector<Problem>& problems, const Lookup& environment,
         const ScheduleCheck& check_schedule, const CommandCheck& check_command,
         std::filesystem::path folder);

  // The whole file.
  void read_file(const Node& root);

  void error(const Node& at, std::string_view path, std::string message, bool blocks_start = true);
  void warn(const Node& at, std::string_view path, std::string message);

  // Every key of `map` against the rows of `section`. False: it is no mapping (a problem then).
  bool read_section(Section section, const Node& map, const std::string& path, Target target);

  void read_servers(const Node& map, const std::string& path);  // mcp_servers.cc
  void read_jobs(const Node& map, const std::string& path);     // jobs.cc
  void read_steps(const Option& row, const Node& list, const std::string& path, Target& target);  // jobs.cc

 private:
  struct Schedule {
    const Node* node;
    std::string path;
  };

  void report(Problem problem);
  void warn_if_later(const Option& row, const Node& node, const std::string& path);
  void read_option(const Option& row, const Node& node, const std::string& path, Target& target);
  // nullopt: a problem has been recorded.
  std::optional<Value> read_value(const Option& row, const Node& node, const std::string& path,
                                  Target& target);
  std::optional<Value> read_scalar(const Option& row, const Node& node, const std::string& path);
  std::optional<Value> read_list(const Option& row, const Node& node, const std::string& path);
  std::optional<Value> read_map(const Option& row, const Node& node, const std::string& path);
  std::optional<Value> read_sharing(const Option& row, const Node& node, const std::string& path,
                                    Target& target);
  void wrong(const Option& row, const Node& node, std::string_view path);
  // Expands variables if the row says so. nullopt: the entry became unusable, or a problem has been recorded.
  std::optional<std::string> expanded(const Option& row, const Node& node, std::string_view path);
  std::string resolve(const std::string& path) const;
  void read_foreign(const Node& root);
  void check_tls(const Node& root);
  void read_default_zone(const Node& root);  // jobs.cc

  void read_server(const Node& key, const Node& node, const std::string& path);
  std::optional<std::string> server_name(const Node& key, std::string_view path);
  void check_server(Server& server, const Node& key, const Node& node, const std::string& path);
  void check_directory(std::string& cwd, std::string& unusable, const Node* at, const Node& node,
                       const std::string& path, bool enabled);
  void check_program(const std::string& program, const std::map<std::string, std::string>& environment,
                     const Node& command, const std::string& path);
  void finish_entry(std::size_t first_problem, bool enabled);
  void read_job(const Node& key, const Node& node, const std::string& path);
  std::string with_server_renamed(std::string tool) const;
  void check_schedules(const Job& job, const Node& node, const std::string& path);
  void check_tools(const Node& node, const Job& job, const std::string& path);

  Config& config_;
  std::vector<Problem>& problems_;
  const Lookup& environment_;
  const ScheduleCheck& check_schedule_;
  const CommandCheck& check_command_;
  std::filesystem::path folder_;
  std::array<std::size_t, 3> reported_{};  // warnings, blocking errors, others
  std::size_t left_out_ = 0;
  std::string* unusable_ =
      nullptr;  // of the entry being read; nullptr: an unset variable is an error of the file
  bool in_job_ = false;
  std::string default_zone_;         // of the scheduler: jobs are checked against it wherever it stands
  std::vector<Schedule> schedules_;  // of the job being read; its zone may stand below
  std::map<std::string, std::string> renamed_;  // names of servers as written -> as used
};

// "\"fast\"", "a list", "nothing": what was found, for people.
std::string found(const Node& node);

// What `map` gives for an option, by whichever of its names; nullptr: nothing.
const Node* given(Section section, const Node& map, std::string_view option);

// As it stands in paths of problems: a name is cut when long.
std::string path_of(const std::string& parent, std::string_view key);

// A mapping as JSON. Plain scalars follow YAML 1.2's core schema (`yes` and `007` stay text), quoted ones are
// text. The fault's node and message when something has no JSON form.
struct JsonFault {
  const Node* node;
  std::string message;
};
std::optional<JsonFault> to_json(const Node& node, std::string& out);

}  // namespace holdfast::config
