#include "config/schema.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <utility>

#include "base/nearest.h"

namespace holdfast::config {
namespace {

using S = Section;
using T = Type;

constexpr std::int64_t kMinute = 60'000, kHour = 60 * kMinute, kDay = 24 * kHour;
constexpr std::int64_t kMiB = 1 << 20, kTiB = 1LL << 40;

milliseconds ms(std::int64_t count) { return milliseconds(count); }
std::optional<milliseconds> ms_or_off(const Value& v) {
  return v.flag ? std::nullopt : std::optional(milliseconds(v.number));
}
template <class C>
void append(C& to, C&& more) {
  for (auto& item : more) to.push_back(std::move(item));
}

// clang-format off
const std::vector<Option>& table() {
  static const std::vector<Option> rows = {
    // ---- top
    {.section = S::top, .key = "listen", .type = T::listen, .fallback = "127.0.0.1:4653", .expand = true,
     .doc = "Where MCP clients come in by Streamable HTTP, `/mcp` for all servers together and `/mcp/NAME` for the server of that name; older ones by HTTP+SSE, `/sse` and `/sse/NAME`; `/healthz` and `/readyz` are answered too. `127.0.0.1:PORT`, `[::1]:PORT`, another address of this machine or `unix:/path`, one or a list. On a port every user of this machine is served, on a unix socket (mode 0600) its owner, by `auth.anonymous`; from other machines only who presents a token. Where others could reach an address and there is no token, the gateway does not start. `https://` before a port says TLS (`tls`); without it tokens and all else pass in clear text. Port 0 takes any free port and prints it; `[]` listens nowhere, and only the control socket answers.",
     .set = [](Target& t, Value&& v) { t.config->listen = std::move(v.list); }},
    {.section = S::top, .key = "mcpServers", .synonyms = {"servers"}, .type = T::servers, .nested = S::server,
     .doc = "The MCP servers by name. Letters, digits, `-` and `_`; `__` becomes `_`."},
    {.section = S::top, .key = "jobs", .type = T::jobs, .nested = S::job, .doc = "The scheduled jobs by name."},
    {.section = S::top, .key = "custody", .type = T::section, .nested = S::custody, .doc = "How server processes are held."},
    {.section = S::top, .key = "scheduler", .type = T::section, .nested = S::scheduler, .doc = "How jobs are run."},
    {.section = S::top, .key = "drain", .type = T::duration, .fallback = "30s", .most = kHour,
     .doc = "How long a shutdown waits for calls and runs in flight, and `stop` and `restart` for those of their server. A shutdown refuses new ones from the signal on; a second signal skips the rest.",
     .set = [](Target& t, Value&& v) { t.config->drain = ms(v.number); }},
    {.section = S::top, .key = "sessions", .type = T::section, .nested = S::sessions, .doc = "How long the sessions of clients last."},
    {.section = S::top, .key = "auth", .type = T::section, .nested = S::auth, .doc = "Who may call."},
    {.section = S::top, .key = "tls", .type = T::section, .nested = S::tls, .doc = "What the addresses of `listen` with `https://` show. Both files are needed, and are read at the start and by every reload."},
    {.section = S::top, .key = "http", .type = T::section, .nested = S::http, .doc = "What the clients of `listen` may take."},
    {.section = S::top, .key = "audit", .type = T::section, .nested = S::audit, .doc = "A record of who called what."},
    {.section = S::top, .key = "inputs", .type = T::unsupported, .doc = "VS Code's prompts; a daemon has nobody to ask, so `${input:...}` makes its entry unusable."},
    {.section = S::top, .key = "$schema", .type = T::ignored, .doc = "For editors."},

    // ---- server
    {.section = S::server, .key = "command", .type = T::command, .expand = true,
     .doc = "The program; with a `/` in it, it is found from the folder of the file, else in PATH. A list holds the arguments too. `docker`, `podman` and `nerdctl run` get a label, a cidfile and `--init` (remote-servers.md). Either this or `url`.",
     .set = [](Target& t, Value&& v) {
       if (!v.list.empty()) t.server->command = std::move(v.list.front());
       if (v.list.size() > 1)
         t.server->args.insert(t.server->args.begin(), v.list.begin() + 1, v.list.end());
     }},
    {.section = S::server, .key = "args", .synonyms = {"arguments"}, .type = T::text_list, .expand = true,
     .doc = "Its arguments.", .set = [](Target& t, Value&& v) { append(t.server->args, std::move(v.list)); }},
    {.section = S::server, .key = "env", .synonyms = {"environment"}, .type = T::text_map, .expand = true,
     .doc = "Variables for the server besides the allow-listed ones; a mapping, or a list of `NAME=value` (a bare `NAME` is inherited).",
     .set = [](Target& t, Value&& v) { t.server->env = std::move(v.map); }},
    {.section = S::server, .key = "cwd", .synonyms = {"workingDirectory"}, .type = T::path, .expand = true,
     .doc = "The server's working directory, which must exist; the folder of the configuration file if absent.",
     .set = [](Target& t, Value&& v) { t.server->cwd = std::move(v.text); }},
    {.section = S::server, .key = "url", .synonyms = {"serverUrl", "httpUrl"}, .type = T::text, .expand = true,
     .doc = "The address of a server that runs elsewhere: `http://`, `https://` (its certificate must be good by the system's authorities) or `unix:/path[:/target]`. By Streamable HTTP, or by HTTP+SSE where the server refuses the handshake with 400, 404 or 405. Either this or `command`.",
     .set = [](Target& t, Value&& v) { t.server->url = std::move(v.text); }},
    {.section = S::server, .key = "headers", .type = T::text_map, .expand = true, .doc = "HTTP headers of every request to a server with a `url`.",
     .set = [](Target& t, Value&& v) { t.server->headers = std::move(v.map); }},
    {.section = S::server, .key = "type", .synonyms = {"transport"}, .type = T::choice,
     .choices = {"stdio", "http", "sse", "streamable-http", "streamableHttp", "streamable_http", "local", "remote"},
     .doc = "`sse`: a server with a `url` is spoken to by HTTP+SSE at once. All else is what other clients write; `command` or `url` decide.",
     .set = [](Target& t, Value&& v) { t.server->sse = v.text == "sse"; }},
    {.section = S::server, .key = "sharing", .type = T::sharing, .fallback = "session", .nested = S::sharing,
     .doc = "Who shares one running copy: `session` (each session has its own), `shared` (one for all whose clients say the same of themselves: revision and capabilities, roots left out; with `maxInstances: 1` one for all indeed, which then is told of no client's capabilities), or a `key` (as `shared`, but one per value of a header that the client sends with `initialize`, or one per `token`; a client that has none, a run of a job and `holdfast connect` have each their own, as under `session`).",
     .set = [](Target& t, Value&& v) {
       t.server->sharing = v.text == "shared" ? Sharing::shared : v.text == "key" ? Sharing::key : Sharing::session;
     }},
    {.section = S::server, .key = "idleTimeout", .synonyms = {"idle_timeout_seconds"}, .type = T::duration_or_off, .least = 1, .most = 365 * kDay,
     .doc = "No call in flight and none for so long: leases are taken back and the instance stops. Default `10m` for `shared` and `key`, `off` for `session`.",
     .set = [](Target& t, Value&& v) { t.server->idle_timeout = ms_or_off(v); }},
    {.section = S::server, .key = "maxInstances", .type = T::integer, .fallback = "32", .least = 1, .most = 10'000,
     .doc = "At the cap the longest idle instance, which nobody holds, is stopped; without one a new session waits within `connectTimeout`.",
     .set = [](Target& t, Value&& v) { t.server->max_instances = static_cast<int>(v.number); }},
    {.section = S::server, .key = "maxLifetime", .synonyms = {"max_lifetime_seconds"}, .type = T::duration_or_off, .fallback = "off", .least = 1000, .most = 365 * kDay,
     .doc = "An instance is recycled after this, never during a call or under a run of a job that holds it.",
     .set = [](Target& t, Value&& v) { t.server->max_lifetime = ms_or_off(v); }},
    {.section = S::server, .key = "connectTimeout", .synonyms = {"startupTimeout"}, .type = T::duration, .fallback = "60s", .least = 1, .most = kDay,
     .doc = "From the start of the process to the end of its handshake.",
     .set = [](Target& t, Value&& v) { t.server->connect_timeout = ms(v.number); }},
    {.section = S::server, .key = "callTimeout", .synonyms = {"timeout", "toolTimeout"}, .type = T::duration, .fallback = "300s", .least = 1, .most = 7 * kDay,
     .doc = "One tool call.", .set = [](Target& t, Value&& v) { t.server->call_timeout = ms(v.number); }},
    {.section = S::server, .key = "lineLimit", .type = T::size, .fallback = "64M", .least = kMiB, .most = 1024 * kMiB,
     .doc = "The longest message that is read from the server; a longer answer fails its call only.",
     .set = [](Target& t, Value&& v) { t.server->line_limit = static_cast<std::size_t>(v.number); }},
    {.section = S::server, .key = "stop", .type = T::section, .nested = S::stop, .doc = "The graces of the stop ladder."},
    {.section = S::server, .key = "restart", .type = T::section, .nested = S::restart, .doc = "How often a failing server is started again."},
    {.section = S::server, .key = "limits", .type = T::section, .nested = S::limits, .doc = "What one instance may use. `holdfast status` says how each limit holds here, and `servers` which of an entry's do not; such a server is started all the same, with a warning in the log."},
    {.section = S::server, .key = "isolation", .type = T::choice, .fallback = "auto", .choices = {"auto", "pidns"},
     .doc = "`auto`: the strongest containment that the server cannot notice; `pidns`: a PID namespace of its own, which the kernel ends whoever else dies; the server sees its own processes only. Where the machine offers none, the entry is not started.",
     .set = [](Target& t, Value&& v) { t.server->isolation = std::move(v.text); }},
    {.section = S::server, .key = "tools", .synonyms = {"toolFilter"}, .type = T::section, .nested = S::tools, .doc = "Which of its tools are offered."},
    {.section = S::server, .key = "disabledTools", .synonyms = {"excludeTools"}, .type = T::text_list, .doc = "The same as `tools.exclude`.",
     .set = [](Target& t, Value&& v) { append(t.server->tools_exclude, std::move(v.list)); }},
    {.section = S::server, .key = "includeTools", .synonyms = {"enabledTools"}, .type = T::text_list, .doc = "The same as `tools.include`.",
     .set = [](Target& t, Value&& v) { append(t.server->tools_include, std::move(v.list)); }},
    {.section = S::server, .key = "concurrency", .type = T::choice, .fallback = "parallel", .choices = {"parallel", "serial"},
     .doc = "`serial`: one call at a time per instance; up to 256 others wait, each within its `callTimeout`.",
     .set = [](Target& t, Value&& v) { t.server->serial = v.text == "serial"; }},
    {.section = S::server, .key = "supportsParallelToolCalls", .type = T::flag, .fallback = "true", .doc = "False means `concurrency: serial`.",
     .set = [](Target& t, Value&& v) { t.server->serial = !v.flag; }},
    {.section = S::server, .key = "background", .type = T::flag, .fallback = "false",
     .doc = "It works on after answering, so idleness is never a reason to stop it, nor is memory pressure.",
     .set = [](Target& t, Value&& v) { t.server->background = v.flag; }},
    {.section = S::server, .key = "trustAnnotations", .type = T::flag, .fallback = "true",
     .later = true, .doc = "Believe `readOnlyHint` and `idempotentHint` when deciding about retries.",
     .set = [](Target& t, Value&& v) { t.server->trust_annotations = v.flag; }},
    {.section = S::server, .key = "resolve", .type = T::choice, .fallback = "auto", .choices = {"auto", "off"},
     .doc = "`auto`: where `command` is npx or uvx and names a package at an exact version that is installed already, its program is run without the launcher (launchers.md); `off`: always as written.",
     .set = [](Target& t, Value&& v) { t.server->resolve = v.text == "auto"; }},
    {.section = S::server, .key = "enabled", .type = T::flag, .fallback = "true", .doc = "False: the entry is read and not started.",
     .set = [](Target& t, Value&& v) { t.server->enabled = v.flag; }},
    {.section = S::server, .key = "disabled", .type = T::flag, .doc = "The opposite of `enabled`, as other clients write it.",
     .set = [](Target& t, Value&& v) { t.server->enabled = !v.flag; }},
    {.section = S::server, .key = "envFile", .type = T::unsupported, .doc = "Put the variables into `env`."},
    {.section = S::server, .key = "inheritParentEnv", .synonyms = {"envFilter"}, .type = T::unsupported, .doc = "A server sees the allow-listed environment and its `env` only."},
    {.section = S::server, .key = "sandbox", .synonyms = {"sandboxEnabled"}, .type = T::unsupported, .doc = "Other clients' sandboxes are not applied."},
    {.section = S::server, .key = "alwaysAllow", .synonyms = {"autoApprove", "trust", "dev", "description", "sampling", "elicitation", "protocol", "keepaliveInterval", "gallery", "version", "name", "tags", "icon"},
     .type = T::ignored, .doc = "Matters to the client that asks, not to the gateway."},

    // ---- parts of a server
    {.section = S::stop, .key = "eof", .type = T::duration, .fallback = "2s", .most = 10 * kMinute, .doc = "From closing stdin to SIGTERM.",
     .set = [](Target& t, Value&& v) { t.server->stop.eof = ms(v.number); }},
    {.section = S::stop, .key = "term", .type = T::duration, .fallback = "3s", .most = 10 * kMinute, .doc = "From SIGTERM to SIGKILL.",
     .set = [](Target& t, Value&& v) { t.server->stop.term = ms(v.number); }},
    {.section = S::stop, .key = "lost", .type = T::duration, .fallback = "1s", .most = kMinute, .doc = "From SIGTERM to SIGKILL when the gateway has died.",
     .set = [](Target& t, Value&& v) { t.server->stop.lost = ms(v.number); }},
    {.section = S::restart, .key = "budget", .type = T::integer, .fallback = "5", .most = 1000, .doc = "So many restarts ...",
     .set = [](Target& t, Value&& v) { t.server->restart.budget = static_cast<int>(v.number); }},
    {.section = S::restart, .key = "per", .type = T::duration, .fallback = "10m", .least = 1000, .most = 7 * kDay, .doc = "... in so long; then the server is parked.",
     .set = [](Target& t, Value&& v) { t.server->restart.per = ms(v.number); }},
    {.section = S::restart, .key = "backoff", .type = T::duration_range, .fallback = "1s..60s", .most = kDay, .doc = "The wait before a restart, doubling from the first to the second.",
     .set = [](Target& t, Value&& v) { t.server->restart.backoff_min = ms(v.number); t.server->restart.backoff_max = ms(v.upper); }},
    {.section = S::limits, .key = "memory", .type = T::size, .least = kMiB, .most = 64 * kTiB, .doc = "Memory of all its processes together where the gateway has a cgroup controller for it (one that asks for more is ended whole: `memory cap`); else the private writable memory of each process by itself, which then gets ENOMEM.",
     .set = [](Target& t, Value&& v) { t.server->limits.memory = v.number; }},
    {.section = S::limits, .key = "pids", .type = T::integer, .least = 1, .most = 4'194'304, .doc = "Processes and threads of all of it together; needs a cgroup controller, and is not enforced where there is none.",
     .set = [](Target& t, Value&& v) { t.server->limits.pids = v.number; }},
    {.section = S::limits, .key = "cpu", .type = T::percent, .least = 1, .most = 102'400, .doc = "Of one CPU, all its processes together; `200%` is two. Needs a cgroup controller, and is not enforced where there is none.",
     .set = [](Target& t, Value&& v) { t.server->limits.cpu_percent = static_cast<int>(v.number); }},
    {.section = S::limits, .key = "files", .type = T::integer, .least = 16, .most = 1'048'576, .doc = "Open files per process.",
     .set = [](Target& t, Value&& v) { t.server->limits.files = v.number; }},
    {.section = S::tools, .key = "include", .type = T::text_list, .doc = "Globs; if given, only these are offered.",
     .set = [](Target& t, Value&& v) { append(t.server->tools_include, std::move(v.list)); }},
    {.section = S::tools, .key = "exclude", .type = T::text_list, .doc = "Globs that are taken away.",
     .set = [](Target& t, Value&& v) { append(t.server->tools_exclude, std::move(v.list)); }},
    {.section = S::sharing, .key = "key", .type = T::text, .doc = "`header:NAME` (one copy per value of that request header) or `token` (one per token).",
     .set = [](Target& t, Value&& v) { t.server->sharing_key = std::move(v.text); }},

    // ---- job
    {.section = S::job, .key = "schedule", .synonyms = {"schedules", "cron"}, .type = T::schedules,
     .doc = "When: cron of five or six fields, `every 10m`, `every monday at 7:30`, `at 2026-12-24 18:00`; one or a list. docs/schedules.md has the whole of it, and what happens when clocks are set.",
     .set = [](Target& t, Value&& v) { t.job->schedules = std::move(v.list); }},
    {.section = S::job, .key = "timezone", .synonyms = {"tz"}, .type = T::text, .doc = "By whose clock, such as `Europe/Berlin`; that of `scheduler` if absent.",
     .set = [](Target& t, Value&& v) { t.job->timezone = std::move(v.text); }},
    {.section = S::job, .key = "hashSeed", .type = T::text, .doc = "What `H` in the schedule is chosen by; the job's name if absent.",
     .set = [](Target& t, Value&& v) { t.job->hash_seed = std::move(v.text); }},
    {.section = S::job, .key = "steps", .type = T::steps, .nested = S::step, .doc = "Tool calls, one after the other. Either this or `command`."},
    {.section = S::job, .key = "command", .type = T::command, .expand = true,
     .doc = "A program and its arguments as a list, run in custody. `${HOLDFAST_JOB}`, `${HOLDFAST_RUN}` and `${HOLDFAST_SCHEDULED_AT}` are filled in by each run.",
     .set = [](Target& t, Value&& v) { t.job->command = std::move(v.list); }},
    {.section = S::job, .key = "env", .type = T::text_map, .expand = true, .doc = "Variables for the command; those of the run are filled in here too.",
     .set = [](Target& t, Value&& v) { t.job->env = std::move(v.map); }},
    {.section = S::job, .key = "cwd", .type = T::path, .expand = true, .doc = "The command's working directory, which must exist; the folder of the configuration file if absent. The variables of a run are filled in here too.",
     .set = [](Target& t, Value&& v) { t.job->cwd = std::move(v.text); }},
    {.section = S::job, .key = "tools", .type = T::text_list, .doc = "Globs of `server__tool` that the token of a command's run may call (`HOLDFAST_TOKEN`); all of them if absent. Steps call what they name.",
     .set = [](Target& t, Value&& v) { t.job->tools = std::move(v.list); }},
    {.section = S::job, .key = "timeout", .type = T::duration, .fallback = "10m", .least = 1, .most = 365 * kDay, .doc = "The whole run.",
     .set = [](Target& t, Value&& v) { t.job->timeout = ms(v.number); }},
    {.section = S::job, .key = "overlap", .type = T::choice, .fallback = "skip", .choices = {"skip", "queue", "replace", "parallel"},
     .doc = "What happens when it is due while a run of it is still going. `queue` and `replace` are not served by this version: such a job does not run.",
     .set = [](Target& t, Value&& v) { t.job->overlap = std::move(v.text); }},
    {.section = S::job, .key = "enabled", .type = T::flag, .fallback = "true", .doc = "False: it is read and never due.",
     .set = [](Target& t, Value&& v) { t.job->enabled = v.flag; }},
    {.section = S::job, .key = "disabled", .type = T::flag, .doc = "The opposite of `enabled`.",
     .set = [](Target& t, Value&& v) { t.job->enabled = !v.flag; }},
    {.section = S::job, .key = "description", .type = T::ignored, .doc = "For people."},
    {.section = S::step, .key = "tool", .type = T::text, .doc = "`server__tool`.",
     .set = [](Target& t, Value&& v) { t.step->tool = std::move(v.text); }},
    {.section = S::step, .key = "arguments", .synonyms = {"args"}, .type = T::json,
     .doc = "The tool's arguments. Types are kept: quoted text stays text. Variables are not expanded here.",
     .set = [](Target& t, Value&& v) { t.step->arguments = std::move(v.text); }},
    {.section = S::step, .key = "timeout", .type = T::duration, .least = 1, .most = 7 * kDay, .doc = "This call; the server's `callTimeout` if absent.",
     .set = [](Target& t, Value&& v) { t.step->timeout = ms(v.number); }},

    // ---- the gateway's own parts
    {.section = S::custody, .key = "require", .type = T::choice, .fallback = "any", .choices = {"any", "leaf", "pidns"},
     .doc = "Refuse to start when a server could not get at least this containment; `pidns` makes it every server's and every command's isolation.",
     .set = [](Target& t, Value&& v) { t.config->custody_require = std::move(v.text); }},
    {.section = S::scheduler, .key = "workers", .type = T::integer, .fallback = "8", .least = 1, .most = 1000, .doc = "Runs at the same time.",
     .set = [](Target& t, Value&& v) { t.config->scheduler_workers = static_cast<int>(v.number); }},
    {.section = S::scheduler, .key = "timezone", .synonyms = {"tz"}, .type = T::text, .doc = "By whose clock the jobs without a `timezone` are run; the host's if absent (`TZ`, `/etc/localtime`), and UTC where that names none.",
     .set = [](Target&, Value&&) {}},
    {.section = S::sessions, .key = "idleTimeout", .type = T::duration, .fallback = "30m", .least = 1000, .most = 365 * kDay,
     .doc = "A session ends after so long without a request in flight or an open stream.",
     .set = [](Target& t, Value&& v) { t.config->session_idle_timeout = ms(v.number); }},
    {.section = S::sessions, .key = "reconnectGrace", .type = T::duration, .fallback = "30s", .most = kDay,
     .doc = "A session ends so long after its GET stream closed, unless its client is heard again or a request is in flight.",
     .set = [](Target& t, Value&& v) { t.config->session_reconnect_grace = ms(v.number); }},
    {.section = S::auth, .key = "anonymous", .type = T::choice, .fallback = "loopback", .choices = {"loopback", "never", "everywhere"},
     .doc = "Whose requests without a token are served on `listen`. `loopback`: those that come over a loopback address or a unix socket, thus of every process here, and of whatever a proxy on this machine passes on. `never`: nobody's. `everywhere`: anybody's who reaches an address; where others can, they run your servers' tools as you, without being asked who they are. A request that presents a token has that token's rights only (`holdfast token`), or is refused. With `loopback`, rights are no boundary against processes of this machine.",
     .set = [](Target& t, Value&& v) {
       for (const auto each : {Anonymous::loopback, Anonymous::never, Anonymous::everywhere})
         if (to_string(each) == v.text) t.config->auth_anonymous = each;
     }},
    {.section = S::tls, .key = "certificate", .synonyms = {"cert"}, .type = T::path, .expand = true, .doc = "PEM: the gateway's certificate, then those that vouch for it.",
     .set = [](Target& t, Value&& v) { t.config->tls.certificate = std::move(v.text); }},
    {.section = S::tls, .key = "key", .type = T::path, .expand = true, .doc = "PEM: its private key, without a passphrase.",
     .set = [](Target& t, Value&& v) { t.config->tls.key = std::move(v.text); }},
    {.section = S::http, .key = "maxConnections", .type = T::integer, .fallback = "512", .least = 1, .most = 100'000,
     .doc = "Open connections of one address. For one more the longest idle is closed; if none is idle it gets 503.",
     .set = [](Target& t, Value&& v) { t.config->http.connections = static_cast<int>(v.number); }},
    {.section = S::http, .key = "maxSessions", .type = T::integer, .fallback = "16384", .least = 1, .most = 1'000'000,
     .doc = "Sessions of clients. For one more the longest idle ends, of the same token first; if none is idle, or none of others for `sessions.reconnectGrace`, it gets 503.",
     .set = [](Target& t, Value&& v) { t.config->http.sessions = static_cast<int>(v.number); }},
    {.section = S::http, .key = "maxBody", .type = T::size, .fallback = "64M", .least = 1024, .most = 1024 * kMiB,
     .doc = "The body of a request; a larger one gets 413.",
     .set = [](Target& t, Value&& v) { t.config->http.body = v.number; }},
    {.section = S::http, .key = "maxBacklog", .type = T::size, .fallback = "512M", .least = kMiB, .most = 1024 * 1024 * kMiB,
     .doc = "What is held in memory for all clients together: answers and events that they have not read yet or may ask for again, and requests that have not come whole. Over it the largest goes: first what is kept for who comes back, then the connection that holds most. One answer alone may be larger.",
     .set = [](Target& t, Value&& v) { t.config->http.backlog = v.number; }},
    {.section = S::http, .key = "rate", .type = T::integer, .fallback = "0", .most = 1'000'000,
     .doc = "Requests a second that one client may send, and twice that many at once; one more gets 429 and `Retry-After`. A client is a token; all who come without one are one together. A batch counts as one. 0: no limit.",
     .set = [](Target& t, Value&& v) { t.config->http.rate = static_cast<int>(v.number); }},
    {.section = S::audit, .key = "file", .type = T::path, .expand = true,
     .doc = "Where each request that goes to a server leaves a line of JSON: when, who, which client and session, server, method, name, outcome, how long, how large. Rotated at 16M, four older ones are kept (mode 0600). A disk that is full or slow stops no call: what is lost is counted there. Absent: none is written.",
     .set = [](Target& t, Value&& v) { t.config->audit.file = std::move(v.text); }},
    {.section = S::audit, .key = "arguments", .type = T::flag, .fallback = "false",
     .doc = "The arguments too, up to 4 KiB of them, and without the values of members whose names speak of secrets (password, token, key and the like).",
     .set = [](Target& t, Value&& v) { t.config->audit.arguments = v.flag; }},
  };
  return rows;
}
// clang-format on

// idle_timeout, idle-timeout -> idletimeout; so that snake_case of a key needs no row of its own.
std::string folded(std::string_view key) {
  std::string out;
  bool up = false;
  for (const char c : key.substr(0, 200)) {
    if (c == '_' || c == '-') {
      up = !out.empty();
      continue;
    }
    out += up && c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
    up = false;
  }
  return out;
}

}  // namespace

std::span<const Option> options() { return table(); }

const Option* find_option(Section section, std::string_view key) {
  const std::string camel = folded(key);
  for (const Option& option : table()) {
    if (option.section != section) continue;
    if (option.key == key || option.key == camel) return &option;
    for (const std::string_view synonym : option.synonyms)
      if (synonym == key || synonym == camel) return &option;
  }
  return nullptr;
}

std::string_view nearest_key(Section section, std::string_view key) {
  std::vector<std::string_view> known;
  for (const Option& option : table())
    if (option.section == section && option.type != Type::ignored && option.type != Type::unsupported)
      known.push_back(option.key);
  return nearest(key, known);
}

std::string expectation(const Option& option) {
  const auto range = [&](auto&& show) {
    return fmt::format("from {} to {}", show(option.least), show(option.most));
  };
  const auto duration = [](std::int64_t value) { return format_duration(milliseconds(value)); };
  const auto plain = [](std::int64_t value) { return std::to_string(value); };
  const auto size = [](std::int64_t value) {
    return value >= kTiB ? fmt::format("{}T", value / kTiB) : fmt::format("{}M", value / kMiB);
  };
  switch (option.type) {
    case Type::flag:
      return "true or false";
    case Type::choice:
      return fmt::format("one of {}", fmt::join(option.choices, ", "));
    case Type::integer:
      return "a whole number " + range(plain);
    case Type::percent:
      return fmt::format("a percentage such as 50%, from {}% to {}%", option.least, option.most);
    case Type::size:
      return "a size such as 512M or 2G, " + range(size);
    case Type::duration:
      return "a duration such as 500ms, 30s or 10m (a plain number is seconds), " + range(duration);
    case Type::duration_or_off:
      return "off, or a duration such as 500ms, 30s or 10m (a plain number is seconds), " + range(duration);
    case Type::duration_range:
      return "two durations such as 1s..60s, the smaller one first, " + range(duration);
    case Type::text_list:
      return "a list of texts (or one text)";
    case Type::text_map:
      return "a mapping of names to texts, or a list of NAME=value";
    case Type::command:
      return "a program, or a list of a program and its arguments";
    case Type::sharing:
      return "session, shared, { key: \"header:NAME\" } or { key: token }";
    case Type::listen:
      return "127.0.0.1:PORT, [::1]:PORT, https://ADDRESS:PORT or unix:/path, or a list of them";
    case Type::schedules:
      return "a schedule such as \"0 7 * * MON-FRI\" or every 30m, or a list of them";
    case Type::steps:
      return "a list of steps such as { tool: server__tool, arguments: { ... } }";
    case Type::section:
    case Type::servers:
    case Type::jobs:
    case Type::json:
      return "a mapping";
    case Type::path:
      return "a path";
    case Type::text:
    case Type::ignored:
    case Type::unsupported:
      return "a text";
  }
  return {};
}

std::string_view section_title(Section section) {
  switch (section) {
    case Section::top:
      return "The file";
    case Section::server:
      return "mcpServers.NAME";
    case Section::stop:
      return "mcpServers.NAME.stop";
    case Section::restart:
      return "mcpServers.NAME.restart";
    case Section::limits:
      return "mcpServers.NAME.limits";
    case Section::tools:
      return "mcpServers.NAME.tools";
    case Section::sharing:
      return "mcpServers.NAME.sharing";
    case Section::job:
      return "jobs.NAME";
    case Section::step:
      return "jobs.NAME.steps[]";
    case Section::custody:
      return "custody";
    case Section::scheduler:
      return "scheduler";
    case Section::sessions:
      return "sessions";
    case Section::auth:
      return "auth";
    case Section::tls:
      return "tls";
    case Section::http:
      return "http";
    case Section::audit:
      return "audit";
  }
  return {};
}

}  // namespace holdfast::config
