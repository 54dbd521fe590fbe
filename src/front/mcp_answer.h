// What both transports of MCP over HTTP read of a request and give in answer.
#pragma once

#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "front/body_stream.h"
#include "front/envelope.h"
#include "front/http_server.h"

namespace holdfast::front {

// The message that a request brings, of any kind that is JSON-RPC; or why it brings none.
std::expected<Envelope, Response> message_of(const Request& request);
// The id that a refusal of this message carries: a request's own. Nothing else is owed an answer, and an id
// that a client gave back would pass for one of its requests.
std::string owed_id(const Envelope& message);
// Whether a header lists that type.
bool mentions(std::optional<std::string_view> header, std::string_view type);
Response event_stream(std::shared_ptr<BodyStream> body);
Response method_not_allowed(std::string_view allowed);
// A JSON-RPC error as an answer; without `id` where none is known.
Response rpc_error(unsigned status, const std::string& id, std::int64_t code, std::string_view message);

}  // namespace holdfast::front
