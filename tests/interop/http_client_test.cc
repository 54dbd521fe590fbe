// The official clients over Streamable HTTP, with npm's reference server behind the gateway and, for
// comparison, without one.
#include <regex>

#include "sdk.h"

namespace holdfast::test {
namespace {

constexpr const char* kEverything = "mcp-server-everything";

class HttpClient : public Interop {
 protected:
  void prepare(const Sdk& sdk) {
    HOLDFAST_NEEDS_PROGRAM(missing(sdk.program));
    HOLDFAST_NEEDS_PROGRAM(missing(kEverything));
  }
};

class OfficialHttpClient : public HttpClient, public testing::WithParamInterface<Sdk> {
 protected:
  void SetUp() override {
    Interop::SetUp();
    prepare(GetParam());
  }
};

// The server registers what depends on the client after its handshake, and says so by list_changed.
bool comes_to_list(SdkClient& client, const std::string& tool) {
  return eventually([&] { return client.tell("list").find(" " + tool) != std::string::npos; });
}

TEST_P(OfficialHttpClient, works_on_a_server_of_its_own_which_is_gone_after_its_good_bye) {
  GatewayProcess gateway(config_of({entry("everything", kEverything)}));
  SdkClient client(GetParam(), gateway, by_http(gateway, "everything"));
  EXPECT_EQ(client.hello(), "connected 2025-11-25 mcp-servers/everything");
  EXPECT_NE(client.tell("list").find(" get-sum"), std::string::npos);
  EXPECT_EQ(client.tell("ping"), "pong");
  EXPECT_EQ(client.tell("parallel\t50\techo\t{\"message\":\"all\"}"), "results 50");
  EXPECT_EQ(client.tell("cancel\t500\ttrigger-long-running-operation\t{\"duration\":50,\"steps\":50}"),
            "cancelled");
  EXPECT_EQ(client.tell("call\techo\t{\"message\":\"on\"}"), "result \"Echo: on\"");
  client.expect_no_strays();
  EXPECT_EQ(running(kEverything).size(), 1U);
  EXPECT_GE(client.close(), 0);
  EXPECT_TRUE(eventually([] { return running(kEverything).empty(); })) << to_string(living_servers());
}

TEST_P(OfficialHttpClient, is_asked_by_its_server_for_its_roots_its_model_and_its_user) {
  GatewayProcess gateway(config_of({entry("everything", kEverything)}));
  SdkClient client(GetParam(), gateway, by_http(gateway, "everything"));
  for (const std::string tool : {"get-roots-list", "trigger-sampling-request", "trigger-elicitation-request"})
    ASSERT_TRUE(comes_to_list(client, tool)) << tool << "\n" << gateway.log();
  const auto roots = client.tell("call\tget-roots-list\t{}");
  EXPECT_NE(roots.find("file:///kelp"), std::string::npos) << roots;
  const auto sampled = client.tell("call\ttrigger-sampling-request\t{\"prompt\":\"what does it do?\"}");
  EXPECT_NE(sampled.find("it grips the rock"), std::string::npos) << sampled;
  const auto elicited = client.tell("call\ttrigger-elicitation-request\t{}");
  EXPECT_NE(elicited.find("Name: Laminaria"), std::string::npos) << elicited;
  client.expect_no_strays();
  EXPECT_GE(client.close(), 0);
}

INSTANTIATE_TEST_SUITE_P(sdk, OfficialHttpClient, testing::Values(kTypescript, kPython),
                         [](const auto& info) { return std::string(info.param.name); });

// What the client asks for, by method and parameters: everything that works without a network.
const std::vector<std::pair<std::string, std::string>> kRequests{
    {"prompts/list", "{}"},
    {"resources/list", "{}"},
    {"resources/templates/list", "{}"},
    {"tools/call", R"({"name":"echo","arguments":{"message":"hold \"fast\" \u2603 \ud83d\ude00"}})"},
    {"tools/call", R"({"name":"echo","arguments":{"message":7}})"},
    {"tools/call",
     R"({"name":"get-annotated-message","arguments":{"messageType":"error","includeImage":true}})"},
    {"tools/call", R"({"name":"get-resource-links","arguments":{"count":3}})"},
    {"tools/call", R"({"name":"get-resource-reference","arguments":{"resourceType":"Text","resourceId":2}})"},
    {"tools/call", R"({"name":"get-resource-reference","arguments":{"resourceType":"Blob","resourceId":2}})"},
    {"tools/call", R"({"name":"get-structured-content","arguments":{"location":"Chicago"}})"},
    {"tools/call", R"({"name":"get-sum","arguments":{"a":0.1,"b":1e21}})"},
    {"tools/call", R"({"name":"get-tiny-image"})"},
    {"tools/call",
     R"({"name":"gzip-file-as-resource","arguments":{"name":"a.gz","data":"data:text/plain,kelp","outputType":"resource"}})"},
    {"tools/call", R"({"name":"toggle-simulated-logging","arguments":{}})"},
    {"tools/call", R"({"name":"toggle-simulated-logging","arguments":{}})"},
    {"tools/call", R"({"name":"toggle-subscriber-updates","arguments":{}})"},
    {"tools/call", R"({"name":"toggle-subscriber-updates","arguments":{}})"},
    {"tools/call", R"({"name":"trigger-long-running-operation","arguments":{"duration":0.2,"steps":2}})"},
    {"tools/call", R"({"name":"simulate-research-query","arguments":{"topic":"kelp"}})"},
    {"tools/call", R"({"name":"no-such-tool","arguments":{}})"},
    {"prompts/get", R"({"name":"simple-prompt"})"},
    {"prompts/get", R"({"name":"args-prompt","arguments":{"city":"Brest"}})"},
    {"prompts/get", R"({"name":"resource-prompt","arguments":{"resourceType":"Text","resourceId":"1"}})"},
    {"resources/read", R"({"uri":"demo://resource/static/document/features.md"})"},
    {"resources/read", R"({"uri":"demo://resource/dynamic/text/3"})"},
    {"resources/read", R"({"uri":"demo://resource/nowhere"})"},
    {"completion/complete",
     R"({"ref":{"type":"ref/prompt","name":"completable-prompt"},"argument":{"name":"department","value":"E"}})"},
};

// The server as a child of the test, spoken to by hand as the client does.
class Direct {
 public:
  explicit Direct(const Folder& folder)
      : program_(std::string(HOLDFAST_TOOLS_BIN) + "/" + kEverything, {}, folder.path() / "direct.log") {
    ask("0", "initialize",
        R"({"protocolVersion":"2025-11-25","capabilities":{"roots":{},"sampling":{},"elicitation":{}},)"
        R"("clientInfo":{"name":"interop","version":"1"}})");
    send(R"({"jsonrpc":"2.0","method":"notifications/initialized"})");
  }
  // The bytes of the answer. What the server asks meanwhile has no answer worth having.
  std::string ask(const std::string& id, const std::string& method, const std::string& params) {
    send(R"({"jsonrpc":"2.0","id":)" + id + R"(,"method":")" + method + R"(","params":)" + params + "}");
    for (;;) {
      const std::string line = program_.read_line(kPatience).value_or("");
      if (line.find(R"("method":)") == std::string::npos) return line;
      if (const auto asked = id_of(line); !asked.empty())
        send(R"({"jsonrpc":"2.0","id":)" + asked + R"(,"error":{"code":-32601,"message":"not here"}})");
    }
  }
  static std::string id_of(const std::string& line) {
    std::smatch match;
    return std::regex_search(line, match, std::regex(R"re("id":(\d+)[,}])re")) ? match[1].str() : "";
  }

 private:
  void send(const std::string& line) { program_.write(line + "\n"); }
  Program program_;
};

// `"result":…` or `"error":…` as it came: around it stands `id` here or there, and what JSON-RPC wants.
std::string body(std::string message, const std::string& id) {
  const std::string head = R"({"jsonrpc":"2.0","id":)" + id + ",",
                    tail = R"(,"jsonrpc":"2.0","id":)" + id + "}";
  if (message.starts_with(head)) return message.substr(head.size(), message.size() - head.size() - 1);
  if (message.ends_with(tail)) return message.substr(1, message.size() - tail.size() - 1);
  return "neither: " + message;
}

// Some answers name the second in which they were made.
std::string without_time(const std::string& text) {
  return std::regex_replace(text, std::regex(R"(\d{1,2}:\d{2}:\d{2}( [AP]M)?)"), "TIME");
}

TEST_F(HttpClient, every_answer_has_the_bytes_that_the_server_gives_without_a_gateway) {
  prepare(kTypescript);
  if (IsSkipped()) return;
  const Folder folder;
  GatewayProcess gateway(config_of({entry("everything", kEverything)}));
  SdkClient client(kTypescript, gateway, by_http(gateway, "everything"));
  Direct direct(folder);
  ASSERT_TRUE(client.hello().starts_with("connected ")) << client.hello();
  const auto both = [&](const std::string& method, const std::string& params) {
    std::string through = client.tell("raw\t" + method + "\t" + params);
    if (through.starts_with("raw ")) through.erase(0, 4);
    const std::string id = Direct::id_of(through);
    return std::pair(body(through, id), body(direct.ask(id, method, params), id));
  };
  std::pair<std::string, std::string> tools;
  EXPECT_TRUE(eventually([&] {
    tools = both("tools/list", "{}");
    return tools.first.find("trigger-sampling-request") != std::string::npos && tools.first == tools.second;
  })) << tools.first
      << tools.second;
  for (const auto& [method, params] : kRequests) {
    const auto [through, without] = both(method, params);
    EXPECT_EQ(without_time(through), without_time(without)) << method << " " << params;
  }
  EXPECT_NE(client.tell("raw\ttools/call\t{\"name\":\"get-env\"}").find("PATH"), std::string::npos);
  EXPECT_GE(client.close(), 0);
}

}  // namespace
}  // namespace holdfast::test
