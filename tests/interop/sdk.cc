#include "sdk.h"

#include <ostream>
#include <stdexcept>

namespace holdfast::test {
namespace {

// The python of the venv itself: its link in .tools/bin leads to the system's, which has no packages.
std::string interpreter(const Sdk& sdk) {
  return sdk.name == std::string("python") ? HOLDFAST_TOOLS_BIN "/../venv/bin/python"
                                           : HOLDFAST_TOOLS_BIN "/node";
}

std::vector<std::string> arguments(const Sdk& sdk, const std::string& revision,
                                   const std::vector<std::string>& way) {
  std::vector<std::string> all{sdk.script, revision};
  all.insert(all.end(), way.begin(), way.end());
  return all;
}

// Of its first listener.
std::string address_of(GatewayProcess& gateway) {
  const std::string log = gateway.log(), word = "address=127.0.0.1:";
  const auto at = log.find(word);
  if (at == std::string::npos) throw std::runtime_error("the gateway does not listen:\n" + log);
  const auto port = at + word.size();
  return "http://127.0.0.1:" + log.substr(port, log.find_first_not_of("0123456789", port) - port);
}

}  // namespace

void PrintTo(const Sdk& sdk, std::ostream* out) { *out << sdk.name; }

std::vector<std::string> by_connect(GatewayProcess& gateway, const std::string& server) {
  std::vector<std::string> way{HOLDFAST_PROGRAM, "connect", "--server", server};
  for (const auto& global : gateway.global_arguments()) way.push_back(global);
  return way;
}

std::vector<std::string> by_http(GatewayProcess& gateway, const std::string& server) {
  return {address_of(gateway) + "/mcp/" + server};
}
std::vector<std::string> by_sse(GatewayProcess& gateway, const std::string& server) {
  return {address_of(gateway) + "/sse/" + server};
}

SdkClient::SdkClient(const Sdk& sdk, GatewayProcess& gateway, const std::vector<std::string>& way,
                     const std::string& revision)
    : program_(interpreter(sdk), arguments(sdk, revision, way), gateway.dir() / "client.log"),
      hello_(program_.read_line(kPatience).value_or("nothing")),
      counts_strays_(sdk.program == std::string_view("node")) {}

std::string SdkClient::tell(const std::string& line, std::chrono::milliseconds limit) {
  program_.write(line + "\n");
  return program_.read_line(limit).value_or("nothing");
}

void SdkClient::expect_no_strays() {
  if (counts_strays_) {
    EXPECT_EQ(tell("strays"), "strays 0");
  }
}

int SdkClient::close() {
  const auto answer = tell("close");
  const int took = answer.starts_with("closed ") ? std::stoi(answer.substr(7)) : -1;
  EXPECT_GE(took, 0) << "it closed with: " << answer;
  EXPECT_TRUE(program_.wait(kPatience)) << "the client did not end: " << answer;
  return took;
}

}  // namespace holdfast::test
