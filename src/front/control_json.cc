#include "front/control_json.h"

#include <charconv>
#include <ctime>
#include <nlohmann/json.hpp>

#include "store/log_file.h"

namespace holdfast::front::control {

using std::chrono::steady_clock;

namespace {

constexpr std::int64_t kTail = 64 << 10;
constexpr std::size_t kLogChunk = 256 << 10;
constexpr milliseconds kLogPace{100};  // how often a file that is being waited for is looked at
constexpr milliseconds kLongestWait{60'000};

struct Named {
  Errc errc;
  unsigned status;
  std::string_view name;
};
constexpr Named kErrors[] = {
    {Errc::timeout, 504, "timeout"}, {Errc::cancelled, 409, "cancelled"}, {Errc::closed, 503, "closed"},
    {Errc::limit, 429, "limit"},     {Errc::not_found, 404, "not_found"}, {Errc::invalid, 400, "invalid"},
    {Errc::refused, 409, "refused"}, {Errc::protocol, 502, "protocol"},   {Errc::unproven, 500, "unproven"},
};

Json resolution_json(const std::optional<gateway::Resolution>& resolution) {
  if (!resolution) return nullptr;
  return {{"direct", resolution->direct}, {"how", resolution->how}};
}

Json json_pid(pid_t pid) { return pid > 0 ? Json(pid) : Json(nullptr); }

// What cannot be read (not written yet, rotated away at this moment) has no text yet.
store::LogChunk read_chunk(const std::filesystem::path& path, std::int64_t offset) {
  return store::read_log(path, offset, kLogChunk)
      .value_or(store::LogChunk{.text = {}, .next = std::max<std::int64_t>(offset, 0)});
}

// "wait=soon", as it was asked.
std::string asked(std::string_view key, std::string_view value) {
  return std::string(key).append("=").append(value);
}

}  // namespace

Json json_time(const std::optional<SystemTime>& time) {
  return time ? Json(rfc3339_milliseconds(*time)) : Json(nullptr);
}

Json json_size(std::optional<std::int64_t> bytes) { return bytes ? Json(*bytes) : Json(nullptr); }

bool is_draining(const gateway::InstanceView& instance) {
  return instance.draining && instance.state == custody::TreeState::active;
}

Json to_json(const gateway::InstanceView& v, std::optional<std::int64_t> memory_bytes) {
  Json leases = Json::array();
  for (const auto& lease : v.leases) {
    leases.push_back({{"session", lease.session},
                      {"label", lease.label},
                      {"kind", lease.kind == gateway::SessionKind::job ? "job" : "client"},
                      {"since", rfc3339_milliseconds(lease.since)}});
  }
  return {{"id", v.id.empty() ? Json(nullptr) : Json(v.id)},
          {"server", v.server},
          {"key", v.key},
          {"state", v.idle           ? "idle"
                    : is_draining(v) ? "draining"
                                     : std::string(custody::to_string(v.state))},
          {"pid", json_pid(v.pid)},
          {"keeper_pid", json_pid(v.keeper_pid)},
          {"processes", v.processes},
          {"memory_bytes", json_size(memory_bytes)},
          {"rung", v.rung ? Json(custody::to_string(*v.rung)) : Json(nullptr)},
          {"leases", std::move(leases)},
          {"calls_in_flight", v.calls_in_flight},
          {"started_at", json_time(v.started_at)},
          {"idle_since", json_time(v.idle_since)},
          {"stop_at", json_time(v.stop_at)},
          {"reason", v.reason},
          {"resolve", resolution_json(v.resolution)}};
}

Json to_json(const gateway::ServerView& v) {
  Json limits = Json::object();
  for (const auto& [name, way] : v.limits) limits[name] = way;
  return {{"name", v.name},
          {"state", v.state},
          {"sharing", v.sharing},
          {"command", v.command},
          {"reason", v.reason},
          {"instances", v.instances},
          {"starts", v.starts},
          {"failures", v.failures},
          {"retry_at", json_time(v.retry_at)},
          {"limits", std::move(limits)}};
}

Json to_json(const gateway::SessionView& v) {
  return {{"id", v.id},
          {"label", v.label},
          {"kind", v.kind == gateway::SessionKind::job ? "job" : "client"},
          {"since", rfc3339_milliseconds(v.since)},
          {"servers", v.servers}};
}

Json to_json(const schedule::JobView& v) {
  return {{"name", v.name},
          {"schedule", v.schedule},
          {"timezone", v.timezone},
          {"action", v.action},
          {"enabled", v.enabled},
          {"running", v.running},
          {"next", json_time(v.next)},
          {"last", json_time(v.last)},
          {"last_state", v.last_state},
          {"last_reason", v.last_reason}};
}

Json to_json(const schedule::RunView& v) {
  return {{"id", v.id},
          {"job", v.job},
          {"state", v.state},
          {"reason", v.reason},
          {"trigger", v.trigger},
          {"scheduled_at", rfc3339_milliseconds(v.scheduled_at)},
          {"started_at", json_time(v.started_at)},
          {"ended_at", json_time(v.ended_at)},
          {"result", v.result}};
}

Json to_json(const custody::SweepReport& v) {
  return {{"examined", v.examined}, {"reaped", v.reaped}, {"unkillable", v.unkillable}};
}

Json to_json(const ReloadReport& v) {
  const auto changes = [](const config::Changes& c) {
    return Json{
        {"added", c.added}, {"changed", c.changed}, {"removed", c.removed}, {"unchanged", c.unchanged}};
  };
  return {{"file", v.file},          {"applied", v.applied},
          {"problems", v.problems},  {"servers", changes(v.servers)},
          {"jobs", changes(v.jobs)}, {"needs_restart", v.needs_restart}};
}

Response json_response(const Json& json, unsigned status) {
  return {.status = status, .body = json.dump(-1, ' ', false, Json::error_handler_t::replace), .headers = {}};
}

Response error_response(unsigned status, std::string_view code, std::string_view message) {
  return json_response({{"error", {{"code", code}, {"message", message}}}}, status);
}

Response error_response(const Error& error) {
  for (const auto& row : kErrors) {
    if (error.is(row.errc)) return error_response(row.status, row.name, error.message());
  }
  return error_response(500, "failed", error.message());
}

Result<std::optional<milliseconds>> duration_query(const Request& request, std::string_view name) {
  const auto text = request.query(name);
  if (!text) return std::nullopt;
  const auto value = parse_duration(*text);
  if (!value) return fail(Errc::invalid, "query: not a duration", asked(name, *text));
  return *value;
}

Result<std::optional<std::int64_t>> number_query(const Request& request, std::string_view name) {
  const auto text = request.query(name);
  if (!text) return std::nullopt;
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), value);
  if (error != std::errc() || end != text->data() + text->size()) {
    return fail(Errc::invalid, "query: not a number", asked(name, *text));
  }
  return value;
}

Result<bool> flag_query(const Request& request, std::string_view name) {
  const auto text = request.query(name).value_or("0");
  if (text == "1" || text == "true") return true;
  if (text == "0" || text == "false") return false;
  return fail(Errc::invalid, "query: neither 1 nor 0", asked(name, text));
}

asio::awaitable<Response> log_response(const Request& request, std::filesystem::path file) {
  const auto offset = number_query(request, "offset");
  const auto wait = duration_query(request, "wait");
  if (!offset) co_return error_response(offset.error());
  if (!wait) co_return error_response(wait.error());
  const auto end = steady_clock::now() + std::min(wait->value_or(milliseconds(0)), kLongestWait);
  const std::int64_t from = offset->value_or(-kTail);
  store::LogChunk chunk = read_chunk(file, from);
  while (chunk.text.empty() && steady_clock::now() < end) {
    if (!co_await sleep_until(std::min(end, steady_clock::now() + kLogPace))) break;
    chunk = read_chunk(file, from);
  }
  Response response;
  response.content_type = "text/plain; charset=utf-8";
  response.headers.emplace_back("Holdfast-Offset", std::to_string(chunk.next));
  response.body = std::move(chunk.text);
  co_return response;
}

}  // namespace holdfast::front::control
