// The configuration as values. Where it comes from and how it is checked: config/load.h.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/duration.h"

namespace holdfast::config {

struct StopGraces {
  milliseconds eof{2000}, term{3000}, lost{1000};
  bool operator==(const StopGraces&) const = default;
};

struct RestartPolicy {
  int budget = 5;
  milliseconds per{600'000};
  milliseconds backoff_min{1'000}, backoff_max{60'000};
  bool operator==(const RestartPolicy&) const = default;
};

struct Limits {
  std::optional<std::int64_t> memory, pids, files;
  std::optional<int> cpu_percent;
  bool operator==(const Limits&) const = default;
};

enum class Sharing { session, shared, key };

struct Server {
  std::string name;
  // Either a command ...
  std::string command;
  std::vector<std::string> args;
  std::map<std::string, std::string> env;  // after interpolation
  std::string cwd;                         // absolute
  // ... or a remote address.
  std::string url;
  std::map<std::string, std::string> headers;
  bool sse = false;  // it is spoken to by HTTP+SSE, and asked for nothing newer first

  Sharing sharing = Sharing::session;
  std::string sharing_key;                   // "header:X-Project" or "token" when sharing == key
  std::optional<milliseconds> idle_timeout;  // nullopt: off
  int max_instances = 32;
  std::optional<milliseconds> max_lifetime;
  milliseconds connect_timeout{60'000};
  milliseconds call_timeout{300'000};
  std::size_t line_limit = 64U << 20;  // bytes of one message that is read
  StopGraces stop;
  RestartPolicy restart;
  Limits limits;
  std::string isolation = "auto";
  std::vector<std::string> tools_include, tools_exclude;
  bool serial = false;
  bool background = false;
  bool trust_annotations = true;
  bool resolve = true;
  bool enabled = true;
  std::string unusable;  // not empty: why this entry cannot be started (an unset variable)
  bool operator==(const Server&) const = default;
};

struct Step {
  std::string tool;       // server__tool
  std::string arguments;  // raw JSON object
  std::optional<milliseconds> timeout;
  bool operator==(const Step&) const = default;
};

struct Job {
  std::string name;
  std::vector<std::string> schedules;  // as written; checked when loaded
  std::string timezone;                // its own; empty: `default_timezone`
  std::string default_timezone;        // that of the scheduler; empty: the host's
  std::string hash_seed;               // what H hashes; empty: the name
  std::vector<Step> steps;             // either steps ...
  std::vector<std::string> command;    // ... or a command
  std::map<std::string, std::string> env;
  std::string cwd;
  std::vector<std::string> tools;  // globs: what the run's token may call
  milliseconds timeout{600'000};
  std::string overlap = "skip";
  bool enabled = true;
  std::string unusable;  // not empty: why this job cannot run (an unset variable)
  bool operator==(const Job&) const = default;
};

// Whose requests are served without a token.
enum class Anonymous { loopback, never, everywhere };
constexpr std::string_view to_string(Anonymous anonymous) {
  if (anonymous == Anonymous::everywhere) return "everywhere";
  return anonymous == Anonymous::never ? "never" : "loopback";
}

// Of the addresses with https://. PEM files; empty: none.
struct Tls {
  std::string certificate, key;
  bool operator==(const Tls&) const = default;
};

// What the clients of `listen` may take.
struct Http {
  int connections = 512;                           // of one address
  int sessions = 16'384;                           // of all
  std::int64_t body = std::int64_t{64} << 20;      // bytes of a request
  std::int64_t backlog = std::int64_t{512} << 20;  // bytes that wait for clients, of all
  int rate = 0;                                    // requests a second of one client; 0: no limit
  bool operator==(const Http&) const = default;
};

struct Audit {
  std::string file;  // empty: none
  bool arguments = false;
  bool operator==(const Audit&) const = default;
};

struct Config {
  std::string file;  // absolute path it came from
  std::vector<std::string> listen{"127.0.0.1:4653"};
  std::map<std::string, Server> servers;
  std::map<std::string, Job> jobs;
  std::string custody_require = "any";
  int scheduler_workers = 8;
  milliseconds drain{30'000};
  milliseconds session_idle_timeout{1'800'000};
  milliseconds session_reconnect_grace{30'000};
  Anonymous auth_anonymous = Anonymous::loopback;
  Tls tls;
  Http http;
  Audit audit;
  bool operator==(const Config&) const = default;
};

}  // namespace holdfast::config
