#include "cli/context.h"

#include <nlohmann/json.hpp>

#include "base/json_depth.h"
#include "cli/table.h"

namespace holdfast::cli {

int Context::fail(int code, std::string_view message) {
  terminal.err << "holdfast: " << message << '\n';
  return code;
}

std::expected<Address, int> gateway_address(Context& context) {
  const auto socket = daemon::resolve_socket(context.paths, context.terminal.environment);
  if (!socket)
    return std::unexpected(context.fail(
        socket.error().is(Errc::limit) ? daemon::kExitUsage : daemon::kExitFailed, socket.error().message()));
  return unix_address(socket->string());
}

int report(Context& context, const Error& error) {
  if (error.is_errno(EACCES) || error.is_errno(EPERM)) {
    return context.fail(daemon::kExitNotPermitted, error.message());
  }
  if (error.is_errno(ENOENT) || error.is_errno(ECONNREFUSED)) {
    return context.fail(daemon::kExitNoGateway,
                        "no gateway answers (" + error.message() + "); `holdfast serve` starts one");
  }
  if (error.is(Errc::timeout)) {
    return context.fail(daemon::kExitNoGateway, "the gateway does not answer: no sign of life in " +
                                                    format_duration(context.terminal.patience) +
                                                    "; is its process stopped?");
  }
  if (error.is(Errc::closed))
    return context.fail(daemon::kExitNoGateway, "the gateway went away: " + error.message());
  return context.fail(daemon::kExitFailed, error.message());
}

std::string refusal_of(const net::HttpResponse& response) {
  const auto body = Json::parse(response.body, nullptr, false);
  if (body.is_object() && body.contains("error") && body["error"].is_object())
    return text_of(body["error"], "message");
  return "the gateway answered " + std::to_string(response.status);
}

int refused(Context& context, const net::HttpResponse& response) {
  return context.fail(response.status == 403 ? daemon::kExitNotPermitted : daemon::kExitFailed,
                      refusal_of(response));
}

Asked ask_raw(Context& context, net::HttpRequest request, Work work) {
  if (work) {
    const auto alive = ask_raw(context, {.target = "/v1/version", .headers = {}, .body = {}});
    if (!alive) return std::unexpected(alive.error());
  }
  const auto address = gateway_address(context);
  if (!address) return std::unexpected(address.error());
  auto response = net::fetch(*address, std::move(request), work.value_or(context.terminal.patience));
  if (!response && work && response.error().is(Errc::timeout)) {
    return std::unexpected(
        context.fail(daemon::kExitFailed, "the gateway did not answer within " + format_duration(*work)));
  }
  if (!response) return std::unexpected(report(context, response.error()));
  if (response->status < 400) return std::move(*response);
  return std::unexpected(refused(context, *response));
}

std::expected<Json, int> ask(Context& context, std::string_view method, std::string target, std::string body,
                             Work work) {
  auto response = ask_raw(context,
                          {.method = std::string(method),
                           .target = std::move(target),
                           .headers = {{"Content-Type", "application/json"}},
                           .body = std::move(body)},
                          work);
  if (!response) return std::unexpected(response.error());
  if (deeper_than(response->body))  // printing it recurses
    return std::unexpected(context.fail(daemon::kExitFailed, "the answer is nested too deep to be shown"));
  auto json = Json::parse(response->body, nullptr, false);
  if (json.is_discarded())
    return std::unexpected(context.fail(daemon::kExitFailed, "the gateway answered no JSON"));
  return json;
}

std::string not_empty(const std::string& text) { return text.empty() ? "must not be empty" : ""; }

std::string encode(std::string_view text) {
  static constexpr std::string_view kPlain =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.~";
  static constexpr char kHex[] = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    if (kPlain.find(c) != std::string_view::npos) {
      out += c;
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    out += {'%', kHex[byte >> 4U], kHex[byte & 15U]};
  }
  return out;
}

bool print_json(Context& context, const Json& json) {
  if (!context.json) return false;
  context.out() << json.dump(2, ' ', false, Json::error_handler_t::replace) << '\n';
  return true;
}

std::string text_of(const Json& object, const char* key) {
  const auto it = object.is_object() ? object.find(key) : object.end();
  if (it == object.end() || it->is_null()) return "";
  if (it->is_string()) return it->get<std::string>();
  return it->dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string memory_of(const Json& row) {
  const auto it = row.find("memory_bytes");
  return it != row.end() && it->is_number() ? format_bytes(it->get<std::int64_t>()) : "-";
}

}  // namespace holdfast::cli
