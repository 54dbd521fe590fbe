// JSON-RPC messages as the gateway handles them: routing fields read, the rest kept as the bytes that came.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "mcp/raw_json.h"

namespace holdfast::mcp {

// Members are raw JSON text (an id keeps its exact type: 0, "0", 1.0), so nothing is rebuilt or rounded.
struct RpcError {
  std::int64_t code = 0;
  std::string message;  // decoded text
  std::string data;     // raw JSON; empty: absent
};

// JSON-RPC 2.0 and MCP codes that we send ourselves (mcp spec, "Error codes").
inline constexpr std::int64_t kParseError = -32700;
inline constexpr std::int64_t kInvalidRequest = -32600;
inline constexpr std::int64_t kMethodNotFound = -32601;
inline constexpr std::int64_t kInvalidParams = -32602;
inline constexpr std::int64_t kInternalError = -32603;
inline constexpr std::int64_t kServerError = -32000;  // what the SDK's server says of sessions and headers
inline constexpr std::int64_t kUnknownSession = -32001;
inline constexpr std::int64_t kCancelled = -32800;  // not of JSON-RPC's; a cancelled request wants no answer

// The error of a peer's response. What is no such object is an internal error that says so.
RpcError read_error(PaddedText object);

// What a peer answered to a request: a result or an error, both of them successful transports.
struct Reply {
  std::string result;             // raw JSON; empty if error
  std::optional<RpcError> error;  // the peer's own error
};

// A JSON string literal for `text`, with quotes; invalid UTF-8 becomes U+FFFD.
std::string quote(std::string_view text);

// A response as one line, without its end. `id`, `result` and `data` are raw JSON without line breaks;
// without an id where none is known: the specification wants it omitted, not null.
std::string result_line(std::string_view id, std::string_view result);
std::string error_line(std::string_view id, std::int64_t code, std::string_view message,
                       std::string_view data = {});

}  // namespace holdfast::mcp
