#include "answers.h"

#include <simdjson.h>

#include <algorithm>
#include <ostream>
#include <regex>
#include <stdexcept>

namespace holdfast::test {
namespace {

constexpr const char* kHandshake =
    R"({"protocolVersion":"2025-11-25","capabilities":{"roots":{"listChanged":true},"sampling":{},)"
    R"("elicitation":{"form":{},"url":{}}},"clientInfo":{"name":"interop","version":"1"}})";

const std::vector<Request> kLists{
    {"tools/list"}, {"prompts/list"}, {"resources/list"}, {"resources/templates/list"}};

std::string quoted(const std::string& text) { return "\"" + text + "\""; }

// What stands between the outer braces but for the id and "jsonrpc", which are at the one end or the other;
// empty: no answer.
std::string body_of(const std::string& message) {
  static const std::regex head(R"re(^\{"jsonrpc":"2\.0","id":\d+,)re");
  std::smatch match;
  std::string body;
  if (std::regex_search(message, match, head, std::regex_constants::match_continuous)) {
    const std::size_t begin = match[0].str().size();
    body = message.substr(begin, message.size() - begin - 1);
  } else if (const auto tail = message.rfind(R"(,"jsonrpc":"2.0","id":)"); tail != std::string::npos) {
    body = message.substr(1, tail - 1);
  }
  return body.starts_with("\"result\":") || body.starts_with("\"error\":") ? body : "";
}

// Spoken to by hand as a client does.
class Direct {
 public:
  explicit Direct(const Home& home) : program_("/usr/bin/env", home.command(), home.log("direct")) {
    ask({"initialize", kHandshake});
    send(R"({"jsonrpc":"2.0","method":"notifications/initialized"})");
  }
  // One that keeps its tasks does not mind the end of its input: it is not waited for, but killed by its pid.
  ~Direct() {
    program_.close_stdin();
    (void)program_.wait(1s);
  }
  Direct(const Direct&) = delete;
  Direct& operator=(const Direct&) = delete;

  std::string ask(const Request& request) {
    send(R"({"jsonrpc":"2.0","id":)" + std::to_string(++id_) + R"(,"method":")" + request.method +
         R"(","params":)" + request.params + "}");
    for (;;) {
      const auto line = program_.read_line(kPatience);
      if (!line) return "none";
      if (auto body = body_of(*line); !body.empty()) return body;
      hear(*line);
    }
  }

 private:
  // Its question has the clients' answer; what it just says has none.
  void hear(const std::string& line) {
    static const std::regex id(R"re("id":(\d+)[,}])re");
    std::smatch match;
    if (!std::regex_search(line, match, id)) return;
    const bool roots = line.find("\"roots/list\"") != std::string::npos;
    send(R"({"jsonrpc":"2.0","id":)" + match[1].str() + "," +
         (roots ? R"("result":{"roots":[{"uri":"file:///kelp","name":"kelp"}]}})"
                : R"("error":{"code":-32601,"message":"not here"}})"));
  }
  void send(const std::string& line) { program_.write(line + "\n"); }

  Program program_;
  int id_ = 0;
};

// Of `"result":{"tools":[…]}`.
std::vector<std::string> tools_in(const std::string& body) {
  simdjson::dom::parser parser;
  std::vector<std::string> names;
  for (const auto tool : parser.parse("{" + body + "}")["result"]["tools"].get_array().value())
    names.emplace_back(tool["name"].get_string().value());
  return names;
}

bool calls(const Request& request, const std::string& tool) {
  return request.method == "tools/call" &&
         request.params.find("{\"name\":" + quoted(tool)) != std::string::npos;
}

std::string masked(const Answer& answer) {
  if (answer.request.unlike.empty()) return answer.bytes;
  return std::regex_replace(answer.bytes, std::regex(answer.request.unlike), "UNLIKE");
}

}  // namespace

void PrintTo(const RealServer& server, std::ostream* out) { *out << server.name; }

Home::Home(const RealServer& server) : server_(server) { furnish(); }

void Home::furnish() {
  for (const auto& entry : std::filesystem::directory_iterator(path())) std::filesystem::remove_all(entry);
  if (server_.furnish) server_.furnish(path());
  const auto from_web = [](const Request& request) {
    return request.params.find("$WEB") != std::string::npos;
  };
  if (web_ || std::ranges::none_of(server_.requests, from_web)) return;
  start_web();
}

void Home::start_web() {
  web_ = std::make_unique<Program>(
      HOLDFAST_TOOLS_BIN "/python3",
      std::vector<std::string>{"-u", "-m", "http.server", "--bind", "127.0.0.1", "--directory", path(), "0"},
      log("web"));
  const std::string hello = web_->read_line(kPatience).value_or("nothing");
  std::smatch match;
  if (!std::regex_search(hello, match, std::regex(R"(http://[0-9.:]+)")))
    throw std::runtime_error("no web server: " + hello);
  web_address_ = match[0].str();
}

std::string Home::filled_in(std::string text) const {
  for (const auto& [word, value] :
       {std::pair<std::string, std::string>{"$HOME", path()}, {"$WEB", web_address_}})
    for (auto at = text.find(word); at != std::string::npos; at = text.find(word, at + value.size()))
      text.replace(at, word.size(), value);
  return text;
}

std::string Home::entry(const std::string& relay) const {
  std::string arguments, environment;
  for (const auto& argument : server_.arguments) arguments += quoted(filled_in(argument)) + ", ";
  for (const auto& [name, value] : server_.environment)
    environment += name + ": " + quoted(filled_in(value)) + ", ";
  std::string command = server_.program;
  if (!relay.empty()) {
    arguments = "-c, '" + command + " | " + relay + "'";
    command = "sh";
  }
  return test::entry(
      server_.name, command,
      {"args: [" + arguments + "]", "cwd: " + path().string(), "env: { " + environment + " }"});
}

std::vector<std::string> Home::command() const {
  std::vector<std::string> words{"-C", path()};
  for (const auto& [name, value] : server_.environment) words.push_back(name + "=" + filled_in(value));
  words.emplace_back(server_.program);
  for (const auto& argument : server_.arguments) words.push_back(filled_in(argument));
  return words;
}

std::vector<Answer> direct_answers(Home& home) {
  home.furnish();
  Direct direct(home);
  std::vector<Answer> answers;
  const auto ask = [&](Request request) {
    request.params = home.filled_in(request.params);
    std::string bytes = direct.ask(request);
    answers.push_back({std::move(request), std::move(bytes)});
  };
  for (const auto& list : kLists) ask(list);
  for (const auto& request : home.server().requests) ask(request);
  const auto& [requests, unserved] = std::tie(home.server().requests, home.server().unserved);
  for (const auto& tool : tools_in(answers.front().bytes)) {
    const auto called = [&](const Request& request) { return calls(request, tool); };
    if (std::ranges::none_of(requests, called) && std::ranges::find(unserved, tool) == unserved.end())
      ask({"tools/call", "{\"name\":" + quoted(tool) + ",\"arguments\":{}}"});
  }
  return answers;
}

std::vector<std::string> failing_tools(const std::vector<Answer>& answers) {
  auto tools = tools_in(answers.front().bytes);
  std::erase_if(tools, [&](const std::string& tool) {
    return std::ranges::any_of(answers, [&](const Answer& answer) {
      return calls(answer.request, tool) && answer.bytes.starts_with("\"result\":") &&
             answer.bytes.find("\"isError\":true") == std::string::npos;
    });
  });
  return tools;
}

std::vector<Answer> answers_to(SdkClient& client, const std::vector<Answer>& expected) {
  std::vector<Answer> answers;
  for (const auto& [request, bytes] : expected) {
    std::string body;
    const auto ask = [&] {
      const std::string said = client.tell("raw\t" + request.method + "\t" + request.params);
      body = body_of(said.starts_with("raw ") ? said.substr(4) : said);
      if (body.empty()) body = said;
    };
    ask();
    if (request.method.ends_with("/list")) eventually([&] { return body == bytes || (ask(), false); }, 5s);
    answers.push_back({request, body});
  }
  return answers;
}

std::vector<std::string> differences(const std::vector<Answer>& some, const std::vector<Answer>& others) {
  std::vector<std::string> found;
  for (std::size_t i = 0; i < std::max(some.size(), others.size()); ++i) {
    const Answer none{{"nothing"}, ""};
    const Answer &one = i < some.size() ? some[i] : none, &other = i < others.size() ? others[i] : none;
    if (masked(one) != masked(other))
      found.push_back(one.request.method + " " + one.request.params + "\n  " + masked(one) + "\n  " +
                      masked(other));
  }
  return found;
}

}  // namespace holdfast::test
