#include "custody/face_options.h"

#include <array>
#include <charconv>
#include <string_view>

#include "base/duration.h"

namespace holdfast::custody {

const std::string_view kFaceHelp =
    R"(Usage: holdfast run [OPTIONS] -- COMMAND [ARGUMENT ...]

Runs COMMAND in custody, without a gateway, a configuration or anything on disk. Its standard input, output and
error are the caller's own; the exit status is the command's. Nothing that it ever starts outlives it or its caller:
when the command ends, its caller dies, its input ends, TERM or HUP arrives, or its time is over, every process of
its tree is asked to end (SIGTERM) and then made to (SIGKILL).

  --stop eof=1s,term=1.5s   the graces: after the end of the input, and after SIGTERM
  --on-eof stop|ignore      what the end of the input means (default: stop). `stop` is right for servers that talk
                            over their input. A command that works on after its input ended needs `ignore`:
                              echo job | holdfast run --on-eof=ignore -- slow-batch
  --for DURATION            how long it may run (500ms 30s 10m 24h); then exit status 124
  --isolation auto|tree|leaf|pidns
                            leaf: a cgroup of its own, which nobody leaves; tree: by descent, anywhere.
                            auto (default): the leaf where this machine offers one. pidns: a PID namespace of its
                            own, which the kernel ends whoever else is killed; the command sees nobody else's
                            processes, and is number 2 among its own
  --limit NAME=VALUE,...    files=1024 (descriptors of each process); memory=512M, pids=64, cpu=50% of the
                            whole tree, where a leaf with that controller can be had, and refused elsewhere
  --report FILE             JSON: what was started, what had to be killed, how long each step took
  -h, --help                this text

The end of the input is noticed where it is a pipe, a socket or a terminal. INT, QUIT, USR1, USR2 and WINCH are
passed on; those that the caller ignores stay ignored, as does HUP then. Descriptors above 2 are not passed on.

Exit status: the command's; 128 + N if signal N ended it; 124 its time was over; 125 `run` itself failed;
126 the command cannot be executed; 127 it was not found; 2 usage.
Example, in the configuration of an MCP client: "command": "holdfast", "args": ["run", "--", "npx", "-y", "SERVER"]
)";

namespace {

std::unexpected<Error> wrong(std::string_view what, std::string_view value) {
  FixedString<224> text(what);
  if (!value.empty()) text.append(": '").append(value).append("'");
  return fail(Errc::invalid, "", text.view());
}

// The next item of "a,b,c".
std::string_view take_item(std::string_view& list) {
  const auto comma = list.find(',');
  const auto item = list.substr(0, comma);
  list.remove_prefix(comma == std::string_view::npos ? list.size() : comma + 1);
  return item;
}

struct Setting {
  std::string_view name, value;
};
Setting split(std::string_view item) {
  const auto equals = item.find('=');
  if (equals == std::string_view::npos) return {item, {}};
  return {item.substr(0, equals), item.substr(equals + 1)};
}

Result<void> read_stop(FaceOptions& options, std::string_view list) {
  do {
    const auto item = take_item(list);
    const auto [name, value] = split(item);
    const auto grace = parse_duration(value);
    if (!grace || (name != "eof" && name != "term"))
      return wrong("--stop takes eof=DURATION and term=DURATION", item);
    (name == "eof" ? options.eof : options.term) = *grace;
  } while (!list.empty());
  return {};
}

Result<std::uint64_t> read_count(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (ec != std::errc{} || end != text.data() + text.size() || value == 0 || value > 1'000'000'000)
    return wrong("a number from 1 on is needed", text);
  return value;
}

Result<void> read_limits(Limits& limits, std::string_view list) {
  do {
    const auto item = take_item(list);
    auto [name, value] = split(item);
    Result<std::uint64_t> number{0};
    if (name == "memory") {
      const auto size = parse_size(value);
      if (size && *size > 0) number = limits.memory = static_cast<std::uint64_t>(*size);
    } else if (name == "cpu") {
      if (value.ends_with('%')) number = read_count(value.substr(0, value.size() - 1));
      limits.cpu = number.value_or(0);
    } else if (name == "files" || name == "pids") {
      number = read_count(value);
      (name == "files" ? limits.files : limits.pids) = number.value_or(0);
    }
    if (number.value_or(0) == 0)
      return wrong("--limit takes files=N, pids=N, memory=SIZE and cpu=PERCENT%, each more than 0", item);
  } while (!list.empty());
  return {};
}

Result<void> read_isolation(FaceOptions& options, std::string_view value) {
  if (value == "auto")
    options.isolation = Isolation::automatic;
  else if (value == "tree")
    options.isolation = Isolation::tree;
  else if (value == "leaf")
    options.isolation = Isolation::leaf;
  else if (value == "pidns")
    options.isolation = Isolation::pidns;
  else
    return wrong("--isolation takes auto, tree, leaf or pidns", value);
  return {};
}

Result<void> read_option(FaceOptions& options, std::string_view name, const char* value) {
  if (name == "--stop") return read_stop(options, value);
  if (name == "--limit") return read_limits(options.limits, value);
  if (name == "--isolation") return read_isolation(options, value);
  if (name == "--report") {
    options.report = value;
    if (*value == '\0') return wrong("--report takes the name of a file", {});
  } else if (name == "--for") {
    const auto time = parse_duration(value);
    if (!time || time->count() == 0)
      return wrong("--for takes a duration of more than 0, such as 90s", value);
    options.time = *time;
  } else if (name == "--on-eof") {
    options.stop_at_end_of_input = std::string_view(value) == "stop";
    if (!options.stop_at_end_of_input && std::string_view(value) != "ignore")
      return wrong("--on-eof takes stop or ignore", value);
  }
  return {};
}

constexpr std::array<std::string_view, 6> kNames{"--stop",      "--on-eof", "--for",
                                                 "--isolation", "--limit",  "--report"};

}  // namespace

Result<FaceOptions> parse_face_options(char** words) {
  FaceOptions options;
  for (; *words != nullptr; ++words) {
    const std::string_view word(*words);
    if (word == "--") {
      ++words;
      break;
    }
    if (!word.starts_with('-') || word == "-") break;  // as env(1) and timeout(1): the command begins here
    if (word == "-h" || word == "--help") {
      options.help = true;
      return options;
    }
    const auto name = split(word).name;
    bool known = false;
    for (const auto each : kNames) known = known || each == name;
    if (!known) return wrong("there is no such option", word);
    const char* value = name.size() < word.size() ? *words + name.size() + 1 : *++words;
    if (value == nullptr) return wrong("a value is needed behind", name);
    if (auto read = read_option(options, name, value); !read) return forward(read);
  }
  if (*words == nullptr) return wrong("no command: holdfast run [OPTIONS] -- COMMAND [ARGUMENT ...]", {});
  options.command = words;
  if (options.isolation == Isolation::tree && options.limits.need_leaf())
    return wrong("memory, pids and cpu can only be limited in a leaf: not with --isolation=tree", {});
  return options;
}

}  // namespace holdfast::custody
