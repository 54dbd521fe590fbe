#include "mcp/message.h"

#include <algorithm>
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
