// call, sweep, restart, stop, reload, shutdown.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>
#include <thread>

#include "base/json_depth.h"
#include "base/plural.h"
#include "cli/context.h"
#include "config/tool_name.h"
#include "mcp/tool_result.h"

namespace holdfast::cli {

namespace {

constexpr std::chrono::hours kCall{1};  // the server's callTimeout ends it before
constexpr std::chrono::minutes kSweep{5};
constexpr std::chrono::minutes kGone{5};
constexpr std::chrono::minutes kReload{10};
constexpr std::chrono::hours kDrain{2};  // the configuration's `drain`, an hour at most, ends it before
constexpr milliseconds kPace{50};

struct CallOptions {
  std::string tool, arguments;
  std::vector<std::string> pairs;
};

// {"k":v} from k=v pairs: a value that is JSON is meant as such, anything else is text.
std::expected<Json, std::string> arguments_of(const CallOptions& options) {
  if (deeper_than(options.arguments) ||
      std::ranges::any_of(options.pairs, [](const auto& pair) { return deeper_than(pair); }))
    return std::unexpected("the arguments are nested too deep");
  if (!options.arguments.empty()) {
    auto json = Json::parse(options.arguments, nullptr, false);
    if (!json.is_object()) return std::unexpected("--arguments must be a JSON object");
    if (!options.pairs.empty()) return std::unexpected("give either k=v or --arguments");
    return json;
  }
  Json out = Json::object();
  for (const auto& pair : options.pairs) {
    const auto equals = pair.find('=');
    if (equals == std::string::npos || equals == 0) return std::unexpected("not k=v: " + pair);
    const std::string value = pair.substr(equals + 1);
    const auto json = Json::parse(value, nullptr, false);
    out[pair.substr(0, equals)] = json.is_discarded() ? Json(value) : json;
  }
  return out;
}

void print_content(Context& context, const Json& result) {
  for (const auto& item : result.value("content", Json::array())) {
    const std::string type = text_of(item, "type");
    if (type == "text") {
      context.out() << text_of(item, "text") << '\n';
    } else {
      context.out() << "[" << type << (item.contains("mimeType") ? " " + text_of(item, "mimeType") : "")
                    << "]\n";
    }
  }
}

int call(Context& context, const CallOptions& options) {
  const auto name = config::split_tool_name(options.tool);
  if (!name) return context.fail(daemon::kExitUsage, "a tool is named SERVER__TOOL: " + options.tool);
  const auto arguments = arguments_of(options);
  if (!arguments) return context.fail(daemon::kExitUsage, arguments.error());
  const Json body = {
      {"server", std::string(name->server)}, {"tool", std::string(name->tool)}, {"arguments", *arguments}};
  const auto got =
      ask(context, "POST", "/v1/call", body.dump(-1, ' ', false, Json::error_handler_t::replace), kCall);
  if (!got) return got.error();
  const Json result = got->value("result", Json(nullptr));
  const std::string fault(
      mcp::fault_of_tool_result(result.dump(-1, ' ', false, Json::error_handler_t::replace)));
  if (!print_json(context, result) && fault.empty()) print_content(context, result);
  if (!fault.empty())
    return context.fail(daemon::kExitFailed, options.tool + " gave no valid result: " + fault +
                                                 (context.json ? "" : "; --json shows what came"));
  return result.value("isError", false) ? daemon::kExitFailed : 0;
}

int sweep(Context& context, bool dry) {
  const auto got = ask(context, "POST", dry ? "/v1/sweep?dry_run=1" : "/v1/sweep", {}, kSweep);
  if (!got) return got.error();
  const bool stuck = !got->at("unkillable").empty();
  if (print_json(context, *got)) return stuck ? daemon::kExitFailed : 0;
  const auto& reaped = got->at("reaped");
  context.out() << (dry ? "would reap " : "reaped ") << reaped.size() << " of "
                << counted(got->at("examined").get<std::int64_t>(), "tree", "trees")
                << (reaped.empty() ? "" : ":");
  for (const auto& id : reaped) context.out() << ' ' << id.get<std::string>();
  context.out() << '\n';
  for (const auto& id : got->at("unkillable"))
    (void)context.fail(1, "would not die: " + id.get<std::string>());
  return stuck ? daemon::kExitFailed : 0;
}

// "digest/17, 1 call in flight": who keeps an instance from ending.
std::string use_of(const Json& instance) {
  std::string out;
  for (const auto& lease : instance.value("leases", Json::array()))
    out += (out.empty() ? "" : ", ") + text_of(lease, "label");
  const int calls = instance.value("calls_in_flight", 0);
  if (calls > 0) out += (out.empty() ? "" : ", ") + counted(calls, "call", "calls") + " in flight";
  return out;
}

// `stop` and `restart`: instances that are still there make it fail, each with its reason.
int end_instances(Context& context, const std::string& verb, const std::string& server, bool force) {
  const auto got = ask(context, "POST",
                       "/v1/servers/" + encode(server) + "/" + verb + (force ? "?force=1" : ""), {}, kDrain);
  if (!got) return got.error();
  const auto& left = got->at("left");
  if (!print_json(context, *got)) {
    context.out() << server << ": "
                  << counted(got->at("stopped").get<std::int64_t>(), "instance", "instances") << " stopped"
                  << (verb == "restart" ? "; the next call starts it again" : "") << '\n';
  }
  for (const auto& instance : left) {
    const std::string id = server + ": " + text_of(instance, "id");
    (void)context.fail(1, text_of(instance, "state") == "draining"
                              ? id + " is still used by " + use_of(instance) +
                                    "; it stops as soon as it is let go (--force: now)"
                              : id + " would not end: " + text_of(instance, "reason"));
  }
  return left.empty() ? daemon::kExitDone : daemon::kExitFailed;
}

void print_changes(Context& context, const char* what, const Json& changes) {
  context.out() << what;
  const char* separator = "";
  for (const char* kind : {"added", "changed", "removed"}) {
    const auto& names = changes.at(kind);
    if (names.empty()) continue;
    context.out() << separator << names.size() << ' ' << kind << " (";
    for (std::size_t i = 0; i < names.size(); ++i)
      context.out() << (i == 0 ? "" : ", ") << names[i].get<std::string>();
    context.out() << ')';
    separator = ", ";
  }
  context.out() << separator << text_of(changes, "unchanged") << " unchanged\n";
}

int reload(Context& context) {
  const auto got = ask(context, "POST", "/v1/reload", {}, kReload);
  if (!got) return got.error();
  const bool applied = got->value("applied", false);
  for (const auto& problem : got->at("problems")) context.terminal.err << problem.get<std::string>() << '\n';
  if (!applied) (void)context.fail(1, "the configuration has errors; nothing has changed");
  if (!print_json(context, *got) && applied) {
    context.out() << "reloaded  " << text_of(*got, "file") << '\n';
    print_changes(context, "servers   ", got->at("servers"));
    print_changes(context, "jobs      ", got->at("jobs"));
    for (const auto& option : got->at("needs_restart"))
      context.out() << "needs a restart of the gateway: " << option.get<std::string>() << '\n';
  }
  return applied ? daemon::kExitDone : daemon::kExitConfiguration;
}

// Done when nobody answers any more: the gateway takes its socket away last.
int shutdown(Context& context, bool wait) {
  const auto got = ask(context, "POST", "/v1/shutdown", {}, kAct);
  if (!got) return got.error();
  const auto address = gateway_address(context);
  if (!address) return address.error();
  const auto end = std::chrono::steady_clock::now() + kGone;
  bool gone = !wait;
  while (!gone && std::chrono::steady_clock::now() < end) {
    const auto alive =
        net::fetch(*address, {.method = "GET", .target = "/v1/version", .headers = {}, .body = {}},
                   context.terminal.patience);
    gone = !alive && !alive.error().is(Errc::timeout);
    if (!gone) std::this_thread::sleep_for(kPace);
  }
  if (!gone)
    return context.fail(daemon::kExitFailed, "the gateway is not gone after " + format_duration(kGone));
  if (!print_json(context, *got)) context.out() << (wait ? "stopped\n" : "stopping\n");
  return 0;
}

}  // namespace

void add_act_verbs(CLI::App& app, Context& context) {
  const auto options = std::make_shared<CallOptions>();
  auto* calling = app.add_subcommand("call", "One tool call")->fallthrough();
  calling->footer(
      "Example: holdfast call memory__search_nodes query=holdfast\n"
      "A value that is JSON is passed as such (n=3, on=true), anything else as text.\n"
      "Exit 0: the tool did it. 1: the tool says that it failed (its text is on standard output), or the "
      "call\n"
      "did: no such tool or server, a server that does not start or answer, an answer that is not valid "
      "(the\n"
      "reason is on standard error). 2: usage. 69: no gateway answers. 77: not permitted.");
  calling->add_option("TOOL", options->tool, "SERVER__TOOL")->required();
  calling->add_option("K=V", options->pairs, "arguments");
  calling->add_option("--arguments", options->arguments, "all arguments as one JSON object");
  calling->callback(
      [&context, options] { context.action = [&context, options] { return call(context, *options); }; });

  const auto dry = std::make_shared<bool>(false);
  auto* sweeping =
      app.add_subcommand("sweep", "Reap what nobody holds any more; never anything else")->fallthrough();
  sweeping->footer("Example: holdfast sweep --dry-run");
  sweeping->add_flag("--dry-run", *dry, "only say what would be reaped");
  sweeping->callback([&context, dry] { context.action = [&context, dry] { return sweep(context, *dry); }; });

  for (const char* verb : {"restart", "stop"}) {
    const bool restarts = std::string_view(verb) == "restart";
    const auto server = std::make_shared<std::string>();
    const auto force = std::make_shared<bool>(false);
    auto* ending =
        app.add_subcommand(verb, restarts ? "Stop a server's instances and forget its failures; the "
                                            "next call starts it again"
                                          : "Stop a server's instances once nobody uses them")
            ->fallthrough();
    ending->footer(std::string("Example: holdfast ") + verb + " memory");
    ending->add_option("NAME", *server, "a server")->required()->check(not_empty);
    ending->add_flag("--force", *force, "at once; calls in flight fail");
    ending->callback([&context, verb, server, force] {
      context.action = [&context, verb, server, force] {
        return end_instances(context, verb, *server, *force);
      };
    });
  }

  auto* reloading =
      app.add_subcommand("reload", "Read the configuration again; replace only what changed")->fallthrough();
  reloading->footer(
      "Example: holdfast reload\nA file that is broken as a whole changes nothing and exits 78; an error of "
      "one entry keeps that\nentry alone from being started.");
  reloading->callback([&context] { context.action = [&context] { return reload(context); }; });

  const auto hurry = std::make_shared<bool>(false);
  auto* stopping =
      app.add_subcommand("shutdown", "Drain and stop the gateway and all that it holds")->fallthrough();
  stopping->footer("Example: holdfast shutdown");
  stopping->add_flag("--no-wait", *hurry, "do not wait until it is gone");
  stopping->callback(
      [&context, hurry] { context.action = [&context, hurry] { return shutdown(context, !*hurry); }; });
}

}  // namespace holdfast::cli
