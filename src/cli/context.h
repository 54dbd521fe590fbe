// What every verb shares: the global options, the way to the gateway, and the way to say that it failed.
// Internal to cli.
#pragma once

#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <ostream>
#include <string>
#include <string_view>

#include "cli/cli.h"
#include "net/http_client.h"

namespace CLI {
class App;
}

namespace holdfast::cli {

using Json = nlohmann::ordered_json;

struct Context {
  Terminal terminal;
  daemon::PathOptions paths;
  bool json = false;
  std::function<int()> action;  // what the parsed verb does; gives the exit code

  std::ostream& out() { return terminal.out; }
  int fail(int code, std::string_view message);  // one line on stderr; gives `code` back
};

// How long the gateway may work on an answer. Without it, it is only looked at, and answers within the
// terminal's patience; with it, it first has to show within that patience that it lives, so that a stopped
// gateway is neither waited for nor left with something to do when it goes on.
using Work = std::optional<milliseconds>;
inline constexpr std::chrono::seconds kAct{30};  // what is done at once, on a busy machine

// The gateway's answer, or the exit code after the reason was printed: 69 nobody answers, 77 not permitted,
// 1 it said no, or its time for the work was over.
using Asked = std::expected<net::HttpResponse, int>;
Asked ask_raw(Context& context, net::HttpRequest request, Work work = {});
std::expected<Json, int> ask(Context& context, std::string_view method, std::string target,
                             std::string body = {}, Work work = {});
// The control socket's address. An exit code after the reason was printed.
std::expected<Address, int> gateway_address(Context& context);
// What an answer of 400 and above says of itself.
std::string refusal_of(const net::HttpResponse& response);
// Prints it: 77 or 1.
int refused(Context& context, const net::HttpResponse& response);
// How a failed exchange with the gateway ends: 69, 77 or 1.
int report(Context& context, const Error& error);

// For CLI11's check(): an empty word is never a name; taken for "not given", it may mean everything.
std::string not_empty(const std::string& text);
// A path segment or query value, percent-encoded.
std::string encode(std::string_view text);
// Prints the JSON if --json was given; false otherwise.
bool print_json(Context& context, const Json& json);
// Empty for what is missing or null, text as it is, anything else as JSON.
std::string text_of(const Json& object, const char* key);

// Its memory_bytes, for people; "-": unknown.
std::string memory_of(const Json& row);

// One unit each: adds verbs to the parser.
void add_look_verbs(CLI::App& app, Context& context);   // status ps servers tools sessions logs
void add_why_verb(CLI::App& app, Context& context);     // why
void add_act_verbs(CLI::App& app, Context& context);    // call sweep restart stop reload shutdown
void add_job_verbs(CLI::App& app, Context& context);    // jobs, job …
void add_job_next(CLI::App& job, Context& context);     // job next
void add_token_verbs(CLI::App& app, Context& context);  // token add, list, revoke
void add_setup_verbs(CLI::App& app, Context& context);  // serve check version connect
void add_doctor_verb(CLI::App& app, Context& context);  // doctor

}  // namespace holdfast::cli
