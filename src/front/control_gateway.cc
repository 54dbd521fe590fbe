#include <nlohmann/json.hpp>

#include "base/json_depth.h"
#include "front/control_json.h"
#include "front/control_routes.h"
#include "mcp/raw_json.h"

namespace holdfast::front::control {

using std::chrono::steady_clock;

namespace {

constexpr milliseconds kListingLimit{120'000};  // first starts may install packages
constexpr std::chrono::seconds kCancelGrace{30};

template <class View>
Json list_of(const std::vector<View>& views) {
  Json out = Json::array();
  for (const auto& view : views) out.push_back(to_json(view));
  return out;
}

// What the listings of all servers share; a slow server delays nobody else's.
struct Listing {
  std::shared_ptr<gateway::Session> session;
  std::vector<std::string> servers;
  std::vector<Result<std::vector<mcp::Tool>>> tools;
};

asio::awaitable<void> list_one(std::shared_ptr<Listing> listing, std::size_t index) {
  auto tools = co_await listing->session->tools(listing->servers[index]);
  listing->tools[index] = std::move(tools);
}

std::string text_of(const Json& value) { return value.dump(-1, ' ', false, Json::error_handler_t::replace); }

// What a server said goes in as it came: it may be long, and to build it again holds up everybody.
std::string tools_text(const Listing& listing) {
  std::string tools;
  Json errors = Json::array();
  const auto failed = [&](const std::string& server, const std::string& why) {
    errors.push_back({{"server", server}, {"message", why}});
  };
  for (std::size_t i = 0; i < listing.servers.size(); ++i) {
    const std::string& server = listing.servers[i];
    if (!listing.tools[i]) {
      failed(server, listing.tools[i].error().message());
      continue;
    }
    for (const auto& tool : *listing.tools[i]) {
      if (deeper_than(tool.raw)) {  // who reads it recurses
        failed(server, "tool " + tool.name + ": nested too deep");
        continue;
      }
      tools.append(tools.empty() ? "" : ",").append(R"({"server":)").append(text_of(server));
      tools.append(R"(,"name":)")
          .append(text_of(tool.name))
          .append(R"(,"tool":)")
          .append(tool.raw)
          .append("}");
    }
  }
  return R"({"tools":[)" + tools + R"(],"errors":)" + text_of(errors) + "}";
}

Response call_answer(const Result<mcp::Reply>& reply) {
  if (!reply) return error_response(reply.error());
  if (!reply->error) {
    Response response;
    response.body.append(R"({"result":)").append(reply->result).append("}");
    return response;
  }
  const auto& failure = *reply->error;
  Response response;
  response.status = 502;
  response.body.append(R"({"error":{"code":"rpc","message":)").append(text_of(failure.message));
  response.body.append(R"(,"rpc_code":)").append(std::to_string(failure.code));
  if (!failure.data.empty() && !deeper_than(failure.data) && mcp::well_formed(failure.data))
    response.body.append(R"(,"data":)").append(failure.data);
  response.body.append("}}");
  return response;
}

Answer end_instances(ControlContext& context, const Request& request, const std::string& name, bool restart) {
  const auto force = flag_query(request, "force");
  if (!force) co_return error_response(force.error());
  const std::string reason =
      std::string(restart ? "holdfast restart" : "holdfast stop") + (*force ? " --force" : "");
  const auto report =
      co_await context.gateway.stop_server(name, {.reason = reason, .force = *force, .forgive = restart});
  if (!report) co_return error_response(report.error());
  Json left = Json::array();
  for (const auto& view : report->left) {
    left.push_back(to_json(view, std::nullopt));
    left.back().erase("memory_bytes");  // nobody measured it for this
  }
  co_return json_response(
      {{"server", name}, {"force", *force}, {"stopped", report->stopped}, {"left", std::move(left)}});
}

}  // namespace

Answer servers(ControlContext& context, const Request&, const std::string&) {
  co_return json_response({{"servers", list_of(context.gateway.servers())}});
}

Answer sessions(ControlContext& context, const Request&, const std::string&) {
  co_return json_response({{"sessions", list_of(context.gateway.sessions())}});
}

Answer tools(ControlContext& context, const Request& request, const std::string&) {
  const auto listing = std::make_shared<Listing>();
  if (const auto only = request.query("server")) {
    if (!context.gateway.has_server(*only))
      co_return error_response(404, "not_found", "no such server: " + *only);
    listing->servers.push_back(*only);
  } else {
    for (const auto& server : context.gateway.servers()) {
      if (server.state != "disabled" && server.state != "removed") listing->servers.push_back(server.name);
    }
  }
  listing->session = context.gateway.open_session(gateway::SessionKind::client, "tools");
  if (!listing->session) co_return error_response(503, "closed", "the gateway is shutting down");
  listing->tools.assign(listing->servers.size(), fail(Errc::timeout, "tools/list"));
  TaskGroup group(context.executor);
  for (std::size_t i = 0; i < listing->servers.size(); ++i)
    group.spawn("control.tools", list_one(listing, i));
  if (!co_await group.join(steady_clock::now() + kListingLimit)) {
    group.cancel();
    (void)co_await group.join(steady_clock::now() + kCancelGrace);
  }
  if (listing->servers.size() == 1 && request.query("server") && !listing->tools[0]) {
    co_return error_response(listing->tools[0].error());
  }
  Response response;
  response.body = tools_text(*listing);
  co_return response;
}

Answer call(ControlContext& context, const Request& request, const std::string&) {
  if (deeper_than(request.body)) co_return error_response(400, "invalid", "the body is nested too deep");
  const auto body = Json::parse(request.body, nullptr, false);
  const auto text = [&](const char* key) {
    const auto it = body.is_object() ? body.find(key) : body.end();
    return it != body.end() && it->is_string() ? it->get<std::string>() : std::string();
  };
  const std::string server = text("server"), tool = text("tool");
  if (server.empty() || tool.empty() || body.size() != 2 + body.count("arguments")) {
    co_return error_response(400, "invalid", R"(the body must be {"server","tool","arguments"}, no more)");
  }
  const Json arguments = body.value("arguments", Json::object());
  if (!arguments.is_object()) co_return error_response(400, "invalid", "arguments must be an object");
  if (!context.gateway.has_server(server))
    co_return error_response(404, "not_found", "no such server: " + server);
  const auto session = context.gateway.open_session(gateway::SessionKind::client, "call");
  if (!session) co_return error_response(503, "closed", "the gateway is shutting down");
  const std::string params =
      Json({{"name", tool}, {"arguments", arguments}}).dump(-1, ' ', false, Json::error_handler_t::replace);
  const auto reply = co_await session->request(server, "tools/call", params, {});
  co_return call_answer(reply);
}

Answer server_stop(ControlContext& context, const Request& request, const std::string& name) {
  return end_instances(context, request, name, false);
}

// The next call starts it anew: what was held is taken up again by whoever needs it.
Answer server_restart(ControlContext& context, const Request& request, const std::string& name) {
  return end_instances(context, request, name, true);
}

Answer server_log(ControlContext& context, const Request& request, const std::string& name) {
  if (!context.gateway.has_server(name))
    co_return error_response(404, "not_found", "no such server: " + name);
  co_return co_await log_response(request, context.gateway.stderr_log(name));
}

}  // namespace holdfast::front::control
