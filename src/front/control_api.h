// The control API: HTTP with JSON under /v1, for the verbs. One route per row of a table (control_api.cc).
#pragma once

#include <sys/types.h>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/worker.h"
#include "config/changes.h"
#include "custody/custodian.h"
#include "front/http_server.h"
#include "front/mcp_endpoint.h"
#include "gateway/gateway.h"
#include "gateway/tokens.h"
#include "schedule/scheduler.h"

namespace holdfast::front {

struct GatewayFacts {
  std::string version;
  pid_t pid = 0;
  std::chrono::system_clock::time_point started_at;
  std::vector<std::string> listen;  // as bound
  std::string anonymous;            // whom `listen` serves without a token: auth.anonymous
};
// What became of reading the configuration again.
struct ReloadReport {
  std::string file;
  bool applied = false;               // false: an error, and nothing has changed
  std::vector<std::string> problems;  // errors and warnings, as `check` prints them
  config::Changes servers, jobs;
  std::vector<std::string> needs_restart;  // options that changed and act at the start only
};
struct ControlHooks {
  GatewayFacts facts;
  std::function<void()> shutdown;  // called once per request for it; must not block
  std::function<asio::awaitable<Result<ReloadReport>>()> reload = {};
  std::function<std::string()> warning = {};  // of what the operator ought to mend; empty: nothing
};

// What a route works with. All of it outlives every request.
struct ControlContext {
  asio::any_io_executor executor;
  gateway::Gateway& gateway;
  schedule::Scheduler& scheduler;
  custody::Custodian& custodian;
  gateway::Tokens& tokens;
  ControlHooks hooks;
  // Adds up what processes have in memory: the kernel walks all of it, and waits for whoever is changing it.
  // May be shared with others who look at what may not answer.
  std::shared_ptr<Worker> measuring = std::make_shared<Worker>(4);
};

// Answers /v1/…; errors are {"error":{"code","message"}} with a fitting status. Never throws.
class ControlApi {
 public:
  explicit ControlApi(ControlContext context) : context_(std::move(context)) {}
  asio::awaitable<Response> handle(Request request);

 private:
  ControlContext context_;
};

// The control socket: /v1 and /mcp for the same user and root, everybody else gets 403. Both outlive the
// server.
Service control_service(ControlApi& api, McpEndpoint& endpoint);

}  // namespace holdfast::front
