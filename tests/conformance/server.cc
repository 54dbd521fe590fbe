// The server that the official conformance suite (2025-11-25) expects behind a gateway: its tools, resources
// and prompts by their names, over stdio. It ends at end-of-file, or by itself after 120 s without input.
#include <algorithm>
#include <array>
#include <csignal>
#include <cstdio>
#include <exception>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "payloads.h"
#include "wire.h"

namespace conformance {
namespace {

using namespace std::chrono_literals;

constexpr std::array<std::string_view, 8> kLevels{"debug", "info",     "notice", "warning",
                                                  "error", "critical", "alert",  "emergency"};

// What a tool that takes its time still has to know.
struct Call {
  json id;
  json arguments;
  json token;  // null: no progress wanted
};

json content(std::vector<json> blocks) { return {{"content", std::move(blocks)}}; }
json failure(std::string_view why) { return {{"content", {text(why)}}, {"isError", true}}; }
json user(json block) { return {{"role", "user"}, {"content", std::move(block)}}; }
json messages(std::vector<json> said) { return {{"messages", std::move(said)}}; }

class Server {
 public:
  void run() {
    wire_.run([this](const json& message) { incoming(message); });
  }

 private:
  void incoming(const json& message) {
    const std::string method = message.value("method", "");
    const json params = message.value("params", json::object());
    if (!message.contains("id")) return notified(method, params);
    const json id = message["id"];
    if (method == "initialize") return initialize(id, params);
    if (method == "ping") return result(id, json::object());
    if (method == "logging/setLevel") return set_level(id, params);
    if (method == "completion/complete") return complete(id, params);
    if (method == "tools/list") return result(id, {{"tools", tools()}});
    if (method == "tools/call") return call(id, params);
    if (method == "resources/list") return result(id, {{"resources", resources()}});
    if (method == "resources/templates/list")
      return result(id, {{"resourceTemplates", resource_templates()}});
    if (method == "resources/read") return read(id, params);
    if (method == "resources/subscribe" || method == "resources/unsubscribe")
      return watch(id, params, method == "resources/subscribe");
    if (method == "prompts/list") return result(id, {{"prompts", prompts()}});
    if (method == "prompts/get") return prompt(id, params);
    error(id, -32601, "Method not found: " + method);
  }

  void notified(const std::string& method, const json& params) {
    if (method == "notifications/cancelled") std::erase(running_, params.value("requestId", json()));
  }

  void initialize(const json& id, const json& params) {
    const std::string asked = params.value("protocolVersion", "");
    const bool known =
        asked == "2024-11-05" || asked == "2025-03-26" || asked == "2025-06-18" || asked == "2025-11-25";
    client_ = params.value("capabilities", json::object());
    result(id, {{"protocolVersion", known ? asked : "2025-11-25"},
                {"capabilities",
                 {{"tools", json::object()},
                  {"resources", {{"subscribe", true}}},
                  {"prompts", json::object()},
                  {"logging", json::object()},
                  {"completions", json::object()}}},
                {"serverInfo", {{"name", "conformance-fixture"}, {"version", "1.0.0"}}}});
  }

  void set_level(const json& id, const json& params) {
    const auto* level = std::ranges::find(kLevels, params.value("level", ""));
    if (level == kLevels.end()) return error(id, -32602, "Unknown level");
    level_ = level;
    result(id, json::object());
  }

  void complete(const json& id, const json& params) {
    const json argument = params.value("argument", json::object());
    json values = json::array();
    for (const std::string_view value : {"paris", "park", "party"})
      if (argument.value("name", "") == "arg1" && value.starts_with(argument.value("value", "")))
        values.push_back(value);
    const auto total = values.size();
    result(id, {{"completion", {{"values", std::move(values)}, {"total", total}, {"hasMore", false}}}});
  }

  // Tools.

  void call(const json& id, const json& params) {
    const std::string name = params.value("name", "");
    Call call{id, params.value("arguments", json::object()),
              params.value("_meta", json::object()).value("progressToken", json())};
    running_.push_back(id);
    if (name == "test_tool_with_logging") return log_and_finish(call);
    if (name == "test_tool_with_progress") return progress_and_finish(call);
    if (name == "test_reconnection") return log_and_finish_late(call);
    if (name == "test_sampling") return sample(call);
    if (name.starts_with("test_elicitation")) return elicit(name, call);
    finish_at_once(name, call);
  }

  void finish_at_once(const std::string& name, const Call& call) {
    if (name == "test_simple_text")
      finish(call, content({text("This is a simple text response for testing.")}));
    else if (name == "test_image_content")
      finish(call, content({image()}));
    else if (name == "test_audio_content")
      finish(call, content({audio()}));
    else if (name == "test_embedded_resource")
      finish(call, content({embedded("test://embedded-resource", "text/plain",
                                     "This is an embedded resource content.")}));
    else if (name == "test_multiple_content_types")
      finish(call, content({text("Multiple content types test:"), image(),
                            embedded("test://mixed-content-resource", "application/json",
                                     R"({"test":"data","value":123})")}));
    else if (name == "test_error_handling")
      finish(call, failure("This tool intentionally returns an error for testing"));
    else if (name == "json_schema_2020_12_tool")
      finish(call, content({text("JSON Schema 2020-12 tool called with " + call.arguments.dump())}));
    else if (std::erase(running_, call.id) > 0)
      error(call.id, -32602, "Unknown tool: " + name);
  }

  void log_and_finish(const Call& call) {
    log("Tool execution started");
    wire_.after(50ms, [=, this] {
      log("Tool processing data");
      wire_.after(50ms, [=, this] {
        log("Tool execution completed");
        finish(call, content({text("Three messages were logged")}));
      });
    });
  }

  // What is said at once opens the stream that is looked at; the answer leaves time to close and resume it.
  void log_and_finish_late(const Call& call) {
    log("Reconnection test started");
    wire_.after(1s, [=, this] { finish(call, content({text("Reconnection test completed")})); });
  }

  void progress_and_finish(const Call& call) {
    progress(call, 0);
    wire_.after(50ms, [=, this] {
      progress(call, 50);
      wire_.after(50ms, [=, this] {
        progress(call, 100);
        finish(call, content({text("Progress was reported up to 100")}));
      });
    });
  }

  void sample(const Call& call) {
    if (!client_.contains("sampling")) return finish(call, failure("The client does not support sampling"));
    if (!call.arguments.contains("prompt")) return finish(call, failure("The argument prompt is missing"));
    wire_.ask(
        "sampling/createMessage",
        {{"messages", {user({{"type", "text"}, {"text", call.arguments["prompt"]}})}}, {"maxTokens", 100}},
        [=, this](const json& answer) {
          if (answer.contains("error")) return finish(call, failure(answer["error"].dump()));
          const json said = answer["result"].value("content", json::object());
          finish(call, content({text("LLM response: " + said.value("text", said.dump()))}));
        });
  }

  void elicit(const std::string& name, const Call& call) {
    if (!client_.contains("elicitation"))
      return finish(call, failure("The client does not support elicitation"));
    if (name == "test_elicitation")
      return call.arguments.contains("message")
                 ? elicit(call, call.arguments["message"], person_schema(), "User response: ")
                 : finish(call, failure("The argument message is missing"));
    const bool enums = name == "test_elicitation_sep1330_enums";
    if (enums || name == "test_elicitation_sep1034_defaults")
      return elicit(call, enums ? "Please choose" : "Please review and update the form",
                    enums ? enums_schema() : defaults_schema(), "Elicitation completed: ");
    finish_at_once(name, call);
  }

  void elicit(const Call& call, const json& message, json schema, const std::string& words) {
    wire_.ask("elicitation/create", {{"message", message}, {"requestedSchema", std::move(schema)}},
              [=, this](const json& answer) {
                if (answer.contains("error")) return finish(call, failure(answer["error"].dump()));
                const json& said = answer["result"];
                finish(call, content({text(words + "action=" + said.value("action", "") +
                                           ", content=" + said.value("content", json::object()).dump())}));
              });
  }

  // A call that was cancelled meanwhile has no result.
  void finish(const Call& call, const json& value) {
    if (std::erase(running_, call.id) > 0) result(call.id, value);
  }

  void log(std::string_view words) {
    if (level_ > kLevels.begin() + 1) return;
    wire_.send({{"method", "notifications/message"},
                {"params", {{"level", "info"}, {"logger", "conformance"}, {"data", words}}}});
  }
  void progress(const Call& call, int done) {
    if (call.token.is_null()) return;
    wire_.send({{"method", "notifications/progress"},
                {"params", {{"progressToken", call.token}, {"progress", done}, {"total", 100}}}});
  }

  // Resources and prompts.

  void read(const json& id, const json& params) {
    const std::string uri = params.value("uri", "");
    const json found = read_resource(uri, updates_);
    if (found.is_null()) return error(id, -32002, "Resource not found", {{"uri", uri}});
    result(id, {{"contents", {found}}});
  }

  void watch(const json& id, const json& params, bool on) {
    const std::string uri = params.value("uri", "");
    if (read_resource(uri, updates_).is_null())
      return error(id, -32002, "Resource not found", {{"uri", uri}});
    if (uri == "test://watched-resource" && std::exchange(watched_, on) != on && on) update_soon(++watches_);
    result(id, json::object());
  }

  // While it is watched, the resource changes at once and then every second. `watch`: this subscription, no
  // later one.
  void update_soon(int watch, std::chrono::milliseconds delay = 50ms) {
    wire_.after(delay, [=, this] {
      if (!watched_ || watch != watches_) return;
      ++updates_;
      wire_.send(
          {{"method", "notifications/resources/updated"}, {"params", {{"uri", "test://watched-resource"}}}});
      update_soon(watch, 1s);
    });
  }

  void prompt(const json& id, const json& params) {
    const std::string name = params.value("name", "");
    const json arguments = params.value("arguments", json::object());
    for (const json& known : prompts())
      if (known["name"] == name)
        for (const json& argument : known.value("arguments", json::array()))
          if (!arguments.contains(argument["name"].get<std::string>()))
            return error(id, -32602, "Missing argument: " + argument["name"].get<std::string>());
    if (name == "test_simple_prompt")
      result(id, messages({user(text("This is a simple prompt for testing."))}));
    else if (name == "test_prompt_with_arguments")
      result(id, messages({user(text("Prompt with arguments: arg1='" + arguments["arg1"].get<std::string>() +
                                     "', arg2='" + arguments["arg2"].get<std::string>() + "'"))}));
    else if (name == "test_prompt_with_embedded_resource")
      result(id, messages({user(embedded(arguments["resourceUri"].get<std::string>(), "text/plain",
                                         "Embedded resource content for testing.")),
                           user(text("Please process the embedded resource above."))}));
    else if (name == "test_prompt_with_image")
      result(id, messages({user(image()), user(text("Please analyze the image above."))}));
    else
      error(id, -32602, "Unknown prompt: " + name);
  }

  void result(const json& id, const json& value) { wire_.send({{"id", id}, {"result", value}}); }
  void error(const json& id, int code, const std::string& words, const json& data = {}) {
    json what = {{"code", code}, {"message", words}};
    if (!data.is_null()) what["data"] = data;
    wire_.send({{"id", id}, {"error", what}});
  }

  Wire wire_;
  json client_ = json::object();  // its capabilities
  const std::string_view* level_ = kLevels.begin();
  std::vector<json> running_;  // ids of calls that nobody cancelled
  bool watched_ = false;
  int watches_ = 0, updates_ = 0;
};

}  // namespace
}  // namespace conformance

int main() {
  std::signal(SIGPIPE, SIG_IGN);
  try {
    conformance::Server().run();
  } catch (const std::exception& e) {
    std::fprintf(stderr, "conformance_server: %s\n", e.what());
    return 1;
  }
  return 0;
}
