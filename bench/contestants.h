// Who takes part in the calls section: the bare HTTP echo, Holdfast, and gateways of others. Each runs on the
// servers' processor, with the same server behind it.
#pragma once

#include <sys/types.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "load.h"

namespace holdfast::bench {

struct Contestant {
  std::string name;
  pid_t pid = 0;  // whose processor time and memory are counted: the gateway's, not its servers'
  Address address;
  std::string path;
  bool sessions = true;                // false: it is no gateway
  bool with_servers = false;           // a server for each session, which few thousands of are too many
  std::shared_ptr<void> running = {};  // ends it
};

// Runs what comes after it on the servers' processor, and this process on the other.
std::vector<std::string> on_servers_processor();
class OnClientsProcessor {
 public:
  OnClientsProcessor();
  ~OnClientsProcessor();
  OnClientsProcessor(const OnClientsProcessor&) = delete;
  OnClientsProcessor& operator=(const OnClientsProcessor&) = delete;

 private:
  std::vector<std::byte> before_;
};

Contestant bare_echo();
Contestant holdfast();
// Those that are there; who is not is named and left out.
std::vector<Contestant> peers();

// A session of it, after its handshake. Throws std::runtime_error.
Target open_session(const Contestant& contestant);

}  // namespace holdfast::bench
