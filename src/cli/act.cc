// call, sweep, shutdown.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>
#include <thread>

#include "base/json_depth.h"
#include "cli/context.h"
#include "config/tool_name.h"
#include "mcp/tool_result.h"

namespace holdfast::cli {

namespace {

constexpr std::chrono::hours kCall{1};  // the server's callTimeout ends it before
constexpr std::chrono::minutes kSweep{5};
constexpr std::chrono::minutes kGone{5};
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
  context.out() << (dry ? "would reap " : "reaped ") << reaped.size() << " of " << text_of(*got, "examined")
                << " trees" << (reaped.empty() ? "" : ":");
  for (const auto& id : reaped) context.out() << ' ' << id.get<std::string>();
  context.out() << '\n';
  for (const auto& id : got->at("unkillable"))
    (void)context.fail(1, "would not die: " + id.get<std::string>());
  return stuck ? daemon::kExitFailed : 0;
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

  const auto hurry = std::make_shared<bool>(false);
  auto* stopping =
      app.add_subcommand("shutdown", "Drain and stop the gateway and all that it holds")->fallthrough();
  stopping->footer("Example: holdfast shutdown");
  stopping->add_flag("--no-wait", *hurry, "do not wait until it is gone");
  stopping->callback(
      [&context, hurry] { context.action = [&context, hurry] { return shutdown(context, !*hurry); }; });
}

}  // namespace holdfast::cli
