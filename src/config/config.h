// The configuration as values. Where it comes from and how it is checked: config/load.h.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/duration.h"

namespace holdfast::config {

struct StopGraces {
  milliseconds eof{2000}, term{3000}, lost{1000};
};

struct RestartPolicy {
  int budget = 5;
  milliseconds per{600'000};
  milliseconds backoff_min{1'000}, backoff_max{60'000};
};

struct Limits {
  std::optional<std::int64_t> memory, pids, files;
  std::optional<int> cpu_percent;
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

  Sharing sharing = Sharing::session;
  std::string sharing_key;                   // "header:X-Project" or "token" when sharing == key
  std::optional<milliseconds> idle_timeout;  // nullopt: off
  int max_instances = 32;
  std::optional<milliseconds> max_lifetime;
  milliseconds connect_timeout{60'000};
  milliseconds call_timeout{300'000};
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
};

struct Step {
  std::string tool;       // server__tool
  std::string arguments;  // raw JSON object
  std::optional<milliseconds> timeout;
};

struct Job {
  std::string name;
  std::vector<std::string> schedules;  // as written; checked when loaded
  std::string timezone = "UTC";
  std::vector<Step> steps;           // either steps ...
  std::vector<std::string> command;  // ... or a command
  std::map<std::string, std::string> env;
  std::string cwd;
  std::vector<std::string> tools;  // globs: what the run's token may call
  milliseconds timeout{600'000};
  std::string overlap = "skip";
  bool enabled = true;
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
  std::string auth_anonymous = "loopback";
};

}  // namespace holdfast::config
