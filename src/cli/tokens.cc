// token add, list, revoke: through the gateway if one runs, else in its file.
#include <CLI/CLI.hpp>
#include <memory>
#include <nlohmann/json.hpp>

#include "cli/context.h"
#include "cli/table.h"
#include "daemon/state_lock.h"
#include "gateway/token_file.h"

namespace holdfast::cli {

namespace {

constexpr std::string_view kShownOnce = "this is the only time that it is shown";

// Whether a gateway answers; an exit code: it cannot be told.
std::expected<bool, int> is_gateway_there(Context& context) {
  const auto address = gateway_address(context);
  if (!address) return std::unexpected(address.error());
  const auto alive =
      net::fetch(*address, {.method = "GET", .target = "/v1/version", .headers = {}, .body = {}},
                 context.terminal.patience);
  if (alive) return true;
  if (alive.error().is_errno(ENOENT) || alive.error().is_errno(ECONNREFUSED)) return false;
  return std::unexpected(report(context, alive.error()));
}

int failed(Context& context, const Error& error) {
  const bool denied = error.is_errno(EACCES) || error.is_errno(EPERM);
  return context.fail(denied ? daemon::kExitNotPermitted : daemon::kExitFailed, error.message());
}

std::expected<std::filesystem::path, int> state_dir(Context& context) {
  const auto paths = daemon::resolve_paths(context.paths, context.terminal.environment);
  if (!paths) return std::unexpected(context.fail(daemon::kExitFailed, paths.error().message()));
  return paths->state_dir;
}

// Changes the file of a gateway that does not run, and cannot start meanwhile. The exit code.
int change_file(Context& context, const std::function<Result<void>(gateway::TokenList&)>& change) {
  const auto dir = state_dir(context);
  if (!dir) return dir.error();
  const auto lock = daemon::StateLock::take(*dir);
  if (!lock)
    return lock.error().is(Errc::refused) ? context.fail(daemon::kExitLocked, lock.error().message())
                                          : failed(context, lock.error());
  const auto file = gateway::token_file_in(*dir);
  auto all = gateway::read_tokens(file);
  if (!all) return failed(context, all.error());
  if (auto changed = change(*all); !changed) return failed(context, changed.error());
  if (auto written = gateway::write_tokens(file, *all); !written) return failed(context, written.error());
  return daemon::kExitDone;
}

int print_new(Context& context, const Json& made) {
  if (!print_json(context, made)) {
    context.out() << text_of(made, "token") << '\n';
    context.terminal.err << "holdfast: " << kShownOnce << "; present it as Authorization: Bearer TOKEN\n";
  }
  return daemon::kExitDone;
}

struct AddFlags {
  std::string name, expires;
  std::vector<std::string> tools, servers;
};

int add(Context& context, const AddFlags& flags) {
  gateway::TokenRequest request{.name = flags.name};
  if (!flags.tools.empty()) request.rights.tools = flags.tools;
  request.rights.servers = flags.servers;
  if (!flags.expires.empty()) {
    const auto lifetime = parse_duration(flags.expires);
    if (!lifetime) return context.fail(daemon::kExitUsage, "--expires: " + lifetime.error().message());
    request.lifetime = *lifetime;
  }
  if (const auto fine = gateway::check_request(request); !fine)
    return context.fail(daemon::kExitUsage, fine.error().message());
  const auto there = is_gateway_there(context);
  if (!there) return there.error();
  if (*there) {
    Json body{{"name", request.name}, {"tools", request.rights.tools}, {"servers", request.rights.servers}};
    if (!flags.expires.empty()) body["expires"] = flags.expires;
    const auto made = ask(context, "POST", "/v1/tokens", body.dump(), kAct);
    return made ? print_new(context, *made) : made.error();
  }
  Json made;
  const int code = change_file(context, [&](gateway::TokenList& all) -> Result<void> {
    const auto minted = gateway::add_token(all, request, std::chrono::system_clock::now());
    if (!minted) return std::unexpected(minted.error());
    made = gateway::facts_of(minted->token);
    made["token"] = minted->secret;
    return {};
  });
  return code == daemon::kExitDone ? print_new(context, made) : code;
}

std::expected<Json, int> tokens_of_file(Context& context) {
  const auto dir = state_dir(context);
  if (!dir) return std::unexpected(dir.error());
  const auto all = gateway::read_tokens(gateway::token_file_in(*dir));
  if (!all) return std::unexpected(failed(context, all.error()));
  Json rows = Json::array();
  for (const auto& token : *all) {
    rows.push_back(gateway::facts_of(token));
    rows.back()["last_used_at"] = nullptr;
  }
  return Json{{"tokens", std::move(rows)}};
}

std::string joined(const Json& list, std::string_view nothing) {
  std::string out;
  for (const auto& item : list) out += (out.empty() ? "" : " ") + item.get<std::string>();
  return out.empty() ? std::string(nothing) : out;
}

std::string or_never(const std::string& age) { return age == "-" ? "never" : age; }

int list(Context& context) {
  const auto there = is_gateway_there(context);
  if (!there) return there.error();
  const auto got = *there ? ask(context, "GET", "/v1/tokens") : tokens_of_file(context);
  if (!got) return got.error();
  if (print_json(context, *got)) return daemon::kExitDone;
  Table table({"NAME", "ID", "AGE", "USED", "EXPIRES", "TOOLS", "SERVERS"});
  for (const auto& token : got->at("tokens"))
    table.add({text_of(token, "name"), text_of(token, "id"), age_of(text_of(token, "created_at")),
               age_of(text_of(token, "last_used_at")), or_never(age_of(text_of(token, "expires_at"))),
               joined(token.at("tools"), "-"), joined(token.at("servers"), "any")});
  table.print(context.out(), context.terminal.colour);
  return daemon::kExitDone;
}

int revoke(Context& context, const std::string& name) {
  const auto there = is_gateway_there(context);
  if (!there) return there.error();
  if (*there) {
    const auto done = ask(context, "POST", "/v1/tokens/" + encode(name) + "/revoke", {}, kAct);
    if (!done) return done.error();
  } else if (const int code = change_file(
                 context, [&](gateway::TokenList& all) { return gateway::remove_token(all, name); });
             code != daemon::kExitDone) {
    return code;
  }
  if (!print_json(context, {{"name", name}, {"revoked", true}})) context.out() << "revoked " << name << '\n';
  return daemon::kExitDone;
}

}  // namespace

void add_token_verbs(CLI::App& app, Context& context) {
  auto* verb = app.add_subcommand("token", "Tokens: who may come in, and use what")->fallthrough();
  verb->require_subcommand(1);
  verb->footer("Example: holdfast token add ci --tools 'memory__read_*' --expires 30d");

  const auto flags = std::make_shared<AddFlags>();
  auto* adding = verb->add_subcommand("add", "Make one, and print it, this once")->fallthrough();
  adding->footer(
      "Example: holdfast token add ci --tools 'memory__read_*' --expires 30d\n"
      "Without --tools and --servers it may use everything. A server of which it may use a tool shows it its "
      "prompts and\nresources, too; all others are as if they were not there. Needs no gateway: one that "
      "runs "
      "is told, else its file is\nchanged.");
  adding->add_option("NAME", flags->name, "what it is called here")->required()->check(not_empty);
  const auto repeatable = [&](const char* name, std::vector<std::string>& into, const char* about) {
    adding->add_option(name, into, about)
        ->expected(1)
        ->check(not_empty)
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  };
  repeatable("--tools", flags->tools, "SERVER__TOOL, both globs; repeatable");
  repeatable("--servers", flags->servers, "of these servers only; repeatable");
  adding->add_option("--expires", flags->expires, "after so long, e.g. 30d; else never")->check(not_empty);
  adding->callback(
      [&context, flags] { context.action = [&context, flags] { return add(context, *flags); }; });

  auto* listing =
      verb->add_subcommand("list", "Their names and rights; nobody can show the tokens themselves")
          ->fallthrough();
  listing->footer("Example: holdfast token list --json");
  listing->callback([&context] { context.action = [&context] { return list(context); }; });

  const auto name = std::make_shared<std::string>();
  auto* revoking = verb->add_subcommand("revoke", "End one, and its sessions, at once")->fallthrough();
  revoking->footer("Example: holdfast token revoke ci");
  revoking->add_option("NAME", *name, "a token's name")->required()->check(not_empty);
  revoking->callback(
      [&context, name] { context.action = [&context, name] { return revoke(context, *name); }; });
}

}  // namespace holdfast::cli
