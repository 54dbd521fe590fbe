// What the endpoint and the stdio bridge need to know of a JSON-RPC message; the rest stays the bytes that
// came.
#pragma once

#include <string>
#include <string_view>

namespace holdfast::front {

struct Envelope {
  enum class Kind { request, notification, response, batch, invalid, garbage };
  Kind kind = Kind::garbage;  // garbage: not JSON
  std::string problem;        // if invalid or garbage: why
  std::string method;         // decoded
  std::string id;             // raw JSON, exact type; kept where legible even if invalid; empty: none
  std::string params;         // raw JSON object on one line; empty: none
  std::string cancelled;      // raw params.requestId
  std::string token;          // raw params._meta.progressToken
  std::string result, error;  // raw, of a response, on one line
};

Envelope read_envelope(std::string_view text);

}  // namespace holdfast::front
