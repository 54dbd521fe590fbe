#include "schedule/runner.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>
#include <string>

#include "config/tool_name.h"
#include "mcp/tool_result.h"

namespace holdfast::schedule {

using nlohmann::json;
using std::chrono::steady_clock;

RunLog::RunLog(const std::shared_ptr<Worker>& disk, const std::filesystem::path& path) {
  if (!path.empty())
    file_.emplace(disk, path, store::LogLimits{.max_bytes = std::int64_t{4} << 20, .generations = 2});
}
asio::awaitable<void> RunLog::close() {
  if (file_) (void)co_await file_->flush(std::chrono::seconds(2));
}
void RunLog::append(std::string_view text) {
  if (file_) file_->append(text);
}
void RunLog::line(std::string_view text) { append(std::string(text) + "\n"); }

namespace {

Outcome failed(std::string reason) { return {.state = "failed", .reason = std::move(reason)}; }

// The text that a tool gave with isError, for people.
std::string text_of(const json& result) {
  std::string out;
  if (const auto content = result.find("content"); content != result.end())
    for (const json& part : *content)
      if (const auto text = part.find("text"); text != part.end() && text->is_string())
        out += (out.empty() ? "" : " ") + text->get<std::string>();
  return out.empty() ? "the tool reported an error without a text" : out;
}

// Every server and tool is there, before the first step runs: half a job is worse than none.
asio::awaitable<std::optional<std::string>> missing_tool(const config::Job& job, gateway::Session& session) {
  std::set<std::string, std::less<>> servers;
  for (const config::Step& step : job.steps) {
    const auto name = config::split_tool_name(step.tool);
    if (!name) co_return "job " + job.name + ": " + step.tool + " is not of the form server__tool";
    servers.emplace(name->server);
  }
  for (const std::string& server : servers) {
    auto tools = co_await session.tools(server);
    if (!tools) co_return "job " + job.name + ": server " + server + ": " + tools.error().message();
    std::string has;
    for (const mcp::Tool& tool : *tools) has += (has.empty() ? "" : ", ") + tool.name;
    for (const config::Step& step : job.steps) {
      const auto name = *config::split_tool_name(step.tool);
      if (name.server != server ||
          std::ranges::any_of(*tools, [&](const auto& t) { return t.name == name.tool; }))
        continue;
      co_return "job " + job.name + ": tool " + step.tool + " does not exist on server " + server +
          " (it has: " + (has.empty() ? "no tools" : has) + ")";
    }
  }
  co_return std::nullopt;
}

Outcome judge(const std::string& where, const Result<mcp::Reply>& reply) {
  if (!reply) return failed(where + reply.error().message());
  if (reply->error)
    return failed(where + reply->error->message + " (" + std::to_string(reply->error->code) + ")");
  if (const auto fault = mcp::fault_of_tool_result(reply->result); !fault.empty())
    return failed(where + "the server gave no valid result: " + std::string(fault));
  const json result = json::parse(reply->result, nullptr, false);
  if (result.value("isError", false)) {
    Outcome out = failed(where + text_of(result));
    out.result = reply->result;
    return out;
  }
  return {.result = reply->result};
}

}  // namespace

asio::awaitable<Outcome> run_steps(const config::Job& job, const RunInput& input, gateway::Session& session,
                                   RunLog& log) {
  if (auto missing = co_await missing_tool(job, session)) {
    log.line(*missing);
    co_return failed(std::move(*missing));
  }
  Outcome last;
  for (std::size_t i = 0; i < job.steps.size(); ++i) {
    const config::Step& step = job.steps[i];
    const auto name = *config::split_tool_name(step.tool);
    if (co_await is_cancelled()) co_return failed("cancelled");
    json params{{"name", std::string(name.tool)}};
    params["arguments"] =
        step.arguments.empty() ? json::object() : json::parse(step.arguments, nullptr, false);
    params["_meta"]["holdfast/occurrence"] =
        job.name + "/" + rfc3339(input.scheduled_at) + "/" + std::to_string(i + 1);
    const std::string where = "step " + std::to_string(i + 1) + " (" + step.tool + "): ";
    if (params["arguments"].is_discarded()) co_return failed(where + "its arguments are not JSON");
    gateway::CallOptions options;
    if (step.timeout) options.deadline = steady_clock::now() + *step.timeout;
    const std::string text = params.dump(-1, ' ', false, json::error_handler_t::replace);
    const auto begin = steady_clock::now();
    auto reply = co_await session.request(name.server, "tools/call", text, options);
    last = judge(where, reply);
    if (!reply && reply.error().is(Errc::timeout)) last.state = "timeout";
    const auto took = std::chrono::duration_cast<milliseconds>(steady_clock::now() - begin);
    log.line(where + (last.state == "ok" ? last.result : last.reason) + " [" + format_duration(took) + "]");
    if (last.state != "ok") break;
  }
  co_return last;
}

}  // namespace holdfast::schedule
