// The table of options. An option is one row: validation, defaults, docs/configuration.md and the editors'
// JSON Schema all follow from it.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.h"

namespace holdfast::config {

// A mapping of the file that holds options.
enum class Section {
  top,
  server,
  stop,
  restart,
  limits,
  tools,
  sharing,
  job,
  step,
  custody,
  scheduler,
  sessions,
  auth,
  tls,
  http,
  audit
};
std::string_view section_title(Section section);

enum class Type {
  text,             // any scalar, as written
  path,             // text; `~` and relative paths resolve against the folder of the file
  command,          // one word, or a list of words
  flag,             // true false yes no on off
  choice,           // one of `choices`
  integer,          // least..most
  percent,          // "50%", least..most
  size,             // bytes, least..most
  duration,         // milliseconds, least..most
  duration_or_off,  // the same or `off`
  duration_range,   // "1s..60s"
  text_list,        // a list of scalars, or one scalar
  text_map,         // name: scalar, or a list of NAME=value
  section,          // a mapping of `nested`
  sharing,          // session | shared | {key: ...}
  listen,           // one address or a list
  schedules,        // one schedule or a list, checked by the caller's ScheduleCheck
  steps,            // a list of `nested`
  json,             // a mapping, kept as raw JSON
  servers,          // name: mapping of `nested`
  jobs,             // name: mapping of `nested`
  ignored,          // known from other clients; nothing here depends on it
  unsupported,      // known from other clients; a warning says that it has no effect
};

// What a row's text came to; which member counts follows from the type.
struct Value {
  bool flag = false;                   // flag; duration_or_off: true for `off`
  std::int64_t number = 0, upper = 0;  // integer percent size duration; `upper`: the end of a range
  std::string text;
  std::vector<std::string> list;
  std::map<std::string, std::string> map;
};

// What the setters write into: the innermost of each kind around the option.
struct Target {
  Config* config = nullptr;
  Server* server = nullptr;
  Job* job = nullptr;
  Step* step = nullptr;
};

struct Option {
  Section section;
  std::string_view key;
  std::vector<std::string_view> synonyms = {};  // snake_case of the key is always read too
  Type type = Type::text;
  std::string_view fallback = {};  // the default, as one would write it; empty: none
  std::vector<std::string_view> choices = {};
  std::int64_t least = 0, most = 0;
  Section nested = Section::top;
  bool expand = false;  // variables are expanded
  bool later = false;   // read and checked, but nothing acts on it yet: a warning and the page say so
  std::string_view doc = {};
  void (*set)(Target&, Value&&) = nullptr;  // nullptr: the type's reader knows
};

std::span<const Option> options();

// The row that `key` names in `section`, by name or synonym; nullptr: unknown.
const Option* find_option(Section section, std::string_view key);

// The known key nearest to a misspelt one (at most a third of it wrong); empty: none is near.
std::string_view nearest_key(Section section, std::string_view key);

// "a duration such as 500ms, 30s or 10m (a plain number is seconds)": what would be right.
std::string expectation(const Option& option);

// docs/configuration.md, and the same for a terminal.
std::string options_as_markdown();
std::string options_as_text();

}  // namespace holdfast::config
