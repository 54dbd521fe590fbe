#include "front/mcp_answer.h"

#include "mcp/message.h"

namespace holdfast::front {

std::expected<Envelope, Response> message_of(const Request& request) {
  if (!mentions(request.header("Content-Type"), "application/json"))
    return std::unexpected(rpc_error(415, {}, mcp::kServerError, "Content-Type must be application/json"));
  Envelope message = read_envelope(request.body);
  if (message.kind == Envelope::Kind::garbage)
    return std::unexpected(rpc_error(400, {}, mcp::kParseError, "parse error: " + message.problem));
  if (message.kind == Envelope::Kind::invalid)
    return std::unexpected(rpc_error(400, message.id, mcp::kInvalidRequest, message.problem));
  return message;
}

std::string owed_id(const Envelope& message) {
  return message.kind == Envelope::Kind::request ? message.id : std::string();
}

bool mentions(std::optional<std::string_view> header, std::string_view type) {
  return header && header->find(type) != std::string_view::npos;
}

Response event_stream(std::shared_ptr<BodyStream> body) {
  return {.body = {},
          .content_type = "text/event-stream",
          .headers = {{"Cache-Control", "no-cache"}, {"X-Accel-Buffering", "no"}},
          .stream = std::move(body)};
}

Response method_not_allowed(std::string_view allowed) {
  Response refused =
      rpc_error(405, {}, mcp::kServerError, "method not allowed here but: " + std::string(allowed));
  refused.headers.emplace_back("Allow", allowed);
  return refused;
}

Response rpc_error(unsigned status, const std::string& id, std::int64_t code, std::string_view message) {
  return {.status = status, .body = mcp::error_line(id, code, message), .headers = {}};
}

}  // namespace holdfast::front
