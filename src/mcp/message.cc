#include "mcp/message.h"

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>

namespace holdfast::mcp {

std::string quote(std::string_view text) {
  const bool plain =
      std::ranges::all_of(text, [](char c) { return c >= 0x20 && c < 0x7f && c != '"' && c != '\\'; });
  if (!plain) return nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  std::string out;
  out.reserve(text.size() + 2);
  out.push_back('"');
  out.append(text);
  out.push_back('"');
  return out;
}

RpcError read_error(PaddedText object) {
  const auto all = members(object);
  if (!all) return {kInternalError, "the peer's error is malformed", {}};
  RpcError error;
  const std::string_view code = member(*all, "code");
  if (std::from_chars(code.data(), code.data() + code.size(), error.code).ec != std::errc())
    error.code = kInternalError;
  error.message = decode_string(member(*all, "message")).value_or("(no message)");
  error.data = member(*all, "data");
  return error;
}

std::string result_line(std::string_view id, std::string_view result) {
  std::string line;
  line.reserve(result.size() + id.size() + 40);
  line.append(R"({"jsonrpc":"2.0","id":)").append(id).append(R"(,"result":)").append(result).append("}");
  return line;  // not what append() gives: that would be a copy
}

std::string error_line(std::string_view id, std::int64_t code, std::string_view message,
                       std::string_view data) {
  std::string line = R"({"jsonrpc":"2.0",)";
  if (!id.empty()) line.append(R"("id":)").append(id).append(",");
  line.append(R"("error":{"code":)").append(std::to_string(code));
  line.append(R"(,"message":)").append(quote(message));
  if (!data.empty()) line.append(R"(,"data":)").append(data);
  line.append("}}");
  return line;
}

}  // namespace holdfast::mcp
