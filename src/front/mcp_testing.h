// For tests: a client of the MCP endpoint.
#pragma once

#include "front/fakes.h"

namespace holdfast::front::testing_tools {

using Headers = std::vector<std::pair<std::string, std::string>>;

inline constexpr const char* kInitialize =
    R"({"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"t","version":"1"}}})";

// A client of the endpoint, on fakes.
struct McpEndpointTest : testing::Test {
  std::unique_ptr<FakeFront> front = std::make_unique<FakeFront>();

  net::HttpResponse post(std::string body, Headers headers = {}, std::string target = "/mcp/memory") {
    headers.emplace_back("Content-Type", "application/json");
    return front->ask("POST", std::move(target), std::move(body), std::move(headers));
  }
  std::string open() { return std::string(post(kInitialize).header("Mcp-Session-Id").value_or("")); }
  std::string http(std::string_view session, std::string_view body, std::string_view more = "") const {
    return "POST /mcp/memory HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nMcp-Session-Id: " +
           std::string(session) + "\r\n" + std::string(more) +
           "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + std::string(body);
  }
};

}  // namespace holdfast::front::testing_tools
