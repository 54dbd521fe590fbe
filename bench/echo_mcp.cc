// The server behind every gateway of the calls section: MCP over stdio with one tool, `echo`, and as little
// besides as clients allow, so that what is measured is the gateway.
#include <unistd.h>

#include <cstdlib>
#include <string>
#include <string_view>

#include "mcp/line_buffer.h"
#include "mcp/message.h"
#include "mcp/splice.h"

namespace {

using holdfast::mcp::Kind;
using holdfast::mcp::result_line;

void write_all(std::string_view text) {
  while (!text.empty()) {
    const auto n = ::write(STDOUT_FILENO, text.data(), text.size());
    if (n <= 0) std::exit(1);
    text.remove_prefix(static_cast<std::size_t>(n));
  }
}

// The literal of the first member called `text`, for which the load's payload is written.
std::string_view text_of(std::string_view params) {
  constexpr std::string_view key = R"("text":)";
  const auto at = params.find(key);
  if (at == std::string_view::npos) return R"("")";
  const auto literal = params.substr(at + key.size());
  return literal.substr(0, literal.find('"', 1) + 1);
}

std::string answer(const holdfast::mcp::Message& message, std::string_view line) {
  const std::string_view id = message.id.of(line);
  if (message.method == "tools/call") {
    std::string result = R"({"content":[{"type":"text","text":)";
    return result_line(id, result.append(text_of(message.params.whole.of(line))).append("}]}"));
  }
  if (message.method == "initialize")
    return result_line(
        id,
        R"({"protocolVersion":"2025-06-18","capabilities":{"tools":{}},"serverInfo":{"name":"echo","version":"1"}})");
  if (message.method == "tools/list")
    return result_line(
        id,
        R"({"tools":[{"name":"echo","description":"Says it again","inputSchema":{"type":"object","properties":{"text":{"type":"string"}}}}]})");
  return message.method == "ping"
             ? result_line(id, "{}")
             : holdfast::mcp::error_line(id, holdfast::mcp::kMethodNotFound, "Method not found");
}

}  // namespace

int main() {
  holdfast::mcp::LineBuffer lines(64U << 20);
  const holdfast::mcp::Splicer splicer;
  for (;;) {
    const auto room = lines.room();
    const auto n = ::read(STDIN_FILENO, room.data(), room.size());
    if (n <= 0) return 0;
    lines.filled(static_cast<std::size_t>(n));
    while (const auto line = lines.next()) {
      const auto message = splicer.read(*line);
      if (message.kind == Kind::request) write_all(answer(message, line->view()) + "\n");
    }
  }
}
