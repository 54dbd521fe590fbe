// The official clients, each a process of its own (node/client.mjs, node/client2.mjs, python/client.py) that
// is told by lines what to do.
#pragma once

#include <array>
#include <string>
#include <vector>

#include "interop.h"

namespace holdfast::test {

struct Sdk {
  const char* name;
  const char* program;  // of .tools/bin
  const char* script;
};
void PrintTo(const Sdk& sdk, std::ostream* out);

inline constexpr Sdk kTypescript{"typescript", "node", HOLDFAST_INTEROP_NODE "/client.mjs"};
inline constexpr Sdk kTypescript2{"typescript2", "node", HOLDFAST_INTEROP_NODE "/client2.mjs"};
inline constexpr Sdk kPython{"python", "python3", HOLDFAST_INTEROP_PYTHON "/client.py"};
inline constexpr std::array kSdks{kTypescript, kTypescript2, kPython};

// How a client comes to one server of a gateway.
std::vector<std::string> by_connect(GatewayProcess& gateway, const std::string& server);
std::vector<std::string> by_http(GatewayProcess& gateway, const std::string& server);
std::vector<std::string> by_sse(GatewayProcess& gateway, const std::string& server);

class SdkClient {
 public:
  SdkClient(const Sdk& sdk, GatewayProcess& gateway, const std::vector<std::string>& way,
            const std::string& revision = "newest");
  // On `holdfast connect`.
  SdkClient(const Sdk& sdk, GatewayProcess& gateway, const std::string& server,
            const std::string& revision = "newest")
      : SdkClient(sdk, gateway, by_connect(gateway, server), revision) {}

  // The answer to a line of words separated by tabs.
  std::string tell(const std::string& line, std::chrono::milliseconds limit = kPatience);
  [[nodiscard]] const std::string& hello() const { return hello_; }
  [[nodiscard]] Program& program() { return program_; }
  // Nothing came that it had not asked for, as the answer to a call that it cancelled. Only one client can
  // tell.
  void expect_no_strays();
  // Milliseconds that the client's own close took; -1: it did not say.
  int close();

 private:
  Program program_;
  std::string hello_;
  bool counts_strays_;
};

}  // namespace holdfast::test
