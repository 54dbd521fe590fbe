#include <nlohmann/json.hpp>

#include "front/control_json.h"
#include "front/control_routes.h"

namespace holdfast::front::control {

using std::chrono::steady_clock;

Answer jobs(ControlContext& context, const Request&, const std::string&) {
  Json out = Json::array();
  for (const auto& view : context.scheduler.jobs()) out.push_back(to_json(view));
  co_return json_response({{"jobs", std::move(out)}});
}

Answer job(ControlContext& context, const Request&, const std::string& name) {
  const auto view = context.scheduler.job(name);
  if (!view) co_return error_response(fail(Errc::not_found, "job", name).error());
  co_return json_response({{"job", to_json(*view)}});
}

Answer job_run(ControlContext& context, const Request& request, const std::string& name) {
  const auto wait = duration_query(request, "wait");
  if (!wait) co_return error_response(wait.error());
  const auto id = co_await context.scheduler.run_now(name);
  if (!id) co_return error_response(id.error());
  if (*wait && !co_await is_cancelled()) {
    const auto ended = co_await context.scheduler.wait(*id, steady_clock::now() + **wait);
    if (!ended) co_return error_response(ended.error());
    co_return json_response({{"run", to_json(*ended)}});
  }
  co_return json_response({{"run", {{"id", *id}, {"job", name}, {"state", "claimed"}}}}, 202);
}

Answer job_history(ControlContext& context, const Request& request, const std::string& name) {
  const auto limit = number_query(request, "limit");
  if (!limit) co_return error_response(limit.error());
  const auto count = limit->value_or(20);
  if (count < 1 || count > 1000) co_return error_response(400, "invalid", "limit is from 1 to 1000");
  const auto runs = co_await context.scheduler.history(name, static_cast<int>(count));
  if (!runs) co_return error_response(runs.error());
  Json out = Json::array();
  for (const auto& run : *runs) out.push_back(to_json(run));
  co_return json_response({{"runs", std::move(out)}});
}

Answer job_log(ControlContext& context, const Request& request, const std::string& name) {
  const auto run = co_await context.scheduler.run(name, request.query("run").value_or(""));
  if (!run) co_return error_response(run.error());
  co_return co_await log_response(request, run->log);
}

Answer job_cancel(ControlContext& context, const Request& request, const std::string& name) {
  const auto count = context.scheduler.cancel(name, request.query("run").value_or(""));
  if (!count) co_return error_response(count.error());
  co_return json_response({{"cancelled", *count}});
}

}  // namespace holdfast::front::control
