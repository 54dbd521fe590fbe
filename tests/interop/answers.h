// What a real server answers, byte by byte: as a child of the test, with no gateway, and to an official
// client behind one.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "sdk.h"

namespace holdfast::test {

// In `params`, as in a RealServer's texts, $HOME is the folder of the server, $WEB a web server of it.
struct Request {
  std::string method;
  std::string params = "{}";
  std::string unlike{};  // what the clock puts into the answer: a regular expression
};

struct RealServer {
  const char* name;     // as configured
  const char* program;  // of .tools/bin
  std::vector<std::string> arguments{};
  std::vector<std::pair<std::string, std::string>> environment{};
  void (*furnish)(const std::filesystem::path& home) = nullptr;  // what the folder, empty, gets
  std::vector<Request> requests{};
  // Its tools that cannot serve here, or not the same way twice: called only if `requests` does. "*": none
  // can.
  std::vector<std::string> unserved{};
  std::vector<std::string> programs{};  // of PATH
};
void PrintTo(const RealServer& server, std::ostream* out);

// npm's and PyPI's, with what they can be asked where there is neither network nor browser.
const std::vector<RealServer>& real_servers();
const RealServer& real_server(const std::string& name);

// A server's folder, and the web server that it fetches from where its requests name one.
class Home {
 public:
  explicit Home(const RealServer& server);
  // As it was at first, by the same paths.
  void furnish();
  [[nodiscard]] const RealServer& server() const { return server_; }
  [[nodiscard]] const std::filesystem::path& path() const { return folder_.path(); }
  [[nodiscard]] std::filesystem::path log(const std::string& name) const { return logs_.path() / name; }
  [[nodiscard]] std::string filled_in(std::string text) const;
  // The server in a gateway's configuration; `relay`: a shell pipeline behind it.
  [[nodiscard]] std::string entry(const std::string& relay = "") const;
  // Its direct run, in this folder and environment: the arguments of /usr/bin/env.
  [[nodiscard]] std::vector<std::string> command() const;

 private:
  void start_web();

  const RealServer& server_;
  Folder folder_, logs_;
  std::unique_ptr<Program> web_;
  std::string web_address_;
};

struct Answer {
  Request request;
  std::string bytes;  // `"result":…` or `"error":…`: around it stand id and what JSON-RPC wants
};

// A furnished server as a child of the test, told of the same capabilities as the official clients have: its
// lists, the table's requests, and a call without arguments of every other tool.
std::vector<Answer> direct_answers(Home& home);
// The listed tools of which no call went well.
std::vector<std::string> failing_tools(const std::vector<Answer>& answers);
// The same requests by a client of a gateway. A list may be late to name what a server has only since it
// knows its client: it is asked for again.
std::vector<Answer> answers_to(SdkClient& client, const std::vector<Answer>& expected);
// The requests, and what the two say, where they differ in a byte.
std::vector<std::string> differences(const std::vector<Answer>& some, const std::vector<Answer>& others);

}  // namespace holdfast::test
