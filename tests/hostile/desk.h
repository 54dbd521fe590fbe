// The MCP endpoint before a whole Holdfast, in the test's own process: requests and answers are values, and
// the test turns the loop between any two of them. Behind it are real keepers and servers.
#pragma once

#include <list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "front/mcp_endpoint.h"
#include "house.h"

namespace holdfast::test {

using Headers = std::vector<std::pair<std::string, std::string>>;

// tests/hostile/server.cc with these arguments.
config::Server hostile_server(std::string name, std::vector<std::string> arguments = {});
config::Config config_of(std::vector<config::Server> servers);

// A request that a client has sent, and what has come of it so far.
struct Asked {
  explicit Asked(const asio::any_io_executor& executor) : task(executor) {}
  bool answered = false;  // there is a head
  bool over = false;      // and no more to come
  unsigned status = 0;
  std::string session;  // the header Mcp-Session-Id
  std::string body;     // of a stream: its text so far
  bool is_stream = false;
  TaskGroup task;  // cancelled: its client hung up

  // The JSON texts that it brought: the body, the members of a batch, or the data of each event.
  [[nodiscard]] std::vector<std::string> messages() const;
};
using AskedPtr = std::shared_ptr<Asked>;

// What is on a single line of JSON-RPC, by its bytes: no reader of ours or of anybody's stands in between.
// `{"jsonrpc":"2.0","id":RAW,"result":` or the same of an error.
[[nodiscard]] bool is_result_of(std::string_view message, std::string_view raw_id);
[[nodiscard]] bool is_error_of(std::string_view message, std::string_view raw_id, int code);

class Desk {
 public:
  explicit Desk(config::Config config, front::McpSessionOptions session = {});
  ~Desk();  // stops endpoint and house, which counts who is left
  Desk(const Desk&) = delete;
  Desk& operator=(const Desk&) = delete;

  // Sent; nothing of it has been read before the loop turns.
  AskedPtr send(std::string verb, std::string target, std::string body, Headers headers,
                std::uint64_t connection = 0);
  // A POST of JSON as an honest client of that session sends it; `streams`: it takes an event stream.
  AskedPtr post(const std::string& server, const std::string& session, std::string body,
                bool streams = false);
  // Turns the loop until all of it is there. False: it did not come in time.
  bool wait(const AskedPtr& asked, milliseconds limit = 10s);
  // Runs the handlers that are ready, and those that they make ready.
  void settle();

  // Opens a session; its id. Empty, and the test has failed: it was refused.
  std::string open(const std::string& server, const std::string& revision = "2025-11-25");
  // The text of a tool's answer, or the whole of what came instead.
  std::string call(const std::string& server, const std::string& session, const std::string& tool,
                   const std::string& arguments = "{}");

  House house;
  std::unique_ptr<front::McpEndpoint> endpoint;
};

// A tools/call as a line; `id` is raw.
std::string tool_call(std::string_view id, std::string_view tool, std::string_view arguments);
// The text of a tool's result in one answer; the whole answer if it is none.
std::string text_of(const std::string& message);

}  // namespace holdfast::test
