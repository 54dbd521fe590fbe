#include "interop.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <thread>

#include "base/ids.h"
#include "os/procfs.h"

namespace holdfast::test {
namespace {

const std::filesystem::path kTools = HOLDFAST_TOOLS_BIN;

std::string command_line(pid_t pid) {
  std::ostringstream text;
  text << std::ifstream("/proc/" + std::to_string(pid) + "/cmdline", std::ios::binary).rdbuf();
  std::string line = text.str();
  std::ranges::replace(line, '\0', ' ');
  return line;
}

std::vector<std::string> connect_arguments(GatewayProcess& gateway, const std::string& server) {
  auto arguments = gateway.global_arguments();
  arguments.insert(arguments.begin(), {"connect", "--server", server});
  return arguments;
}

}  // namespace

std::string missing(const std::string& program) {
  if (::access((kTools / program).c_str(), X_OK) == 0) return {};
  constexpr std::array kPython{"python3", "mcp-server-fetch", "mcp-server-git", "mcp-server-time", "uv",
                               "uvx"};
  const bool python = std::ranges::find(kPython, program) != kPython.end();
  return ".tools/bin/" + program + " is not there: scripts/setup-" + (python ? "python" : "node") +
         ".sh installs it";
}

std::string missing_in_path(const std::string& program) {
  std::istringstream path(std::getenv("PATH") ? std::getenv("PATH") : "");
  for (std::string folder; std::getline(path, folder, ':');)
    if (::access((std::filesystem::path(folder) / program).c_str(), X_OK) == 0) return {};
  return program + " is not in PATH";
}

std::vector<pid_t> running(std::string_view text) {
  std::vector<pid_t> found;
  for (const auto& living : living_servers())
    if (command_line(living.pid).find(text) != std::string::npos) found.push_back(living.pid);
  return found;
}

std::vector<pid_t> leaders() {
  const auto all = living_descendants();
  std::vector<std::pair<std::uint64_t, pid_t>> found;
  for (const auto& living : all) {
    const auto stat = os::read_stat(living.pid);
    if (stat && !living.keeper &&
        std::ranges::any_of(all, [&](const Living& l) { return l.keeper && l.pid == stat->ppid; }))
      found.emplace_back(stat->start_ticks, living.pid);
  }
  std::ranges::sort(found);
  std::vector<pid_t> pids;
  pids.reserve(found.size());
  for (const auto& [start, pid] : found) pids.push_back(pid);
  return pids;
}

bool eventually(const std::function<bool()>& holds, std::chrono::milliseconds limit) {
  const auto deadline = std::chrono::steady_clock::now() + limit;
  while (!holds()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(5ms);  // polling /proc: it has no event for this
  }
  return true;
}

Folder::Folder() : path_(std::filesystem::temp_directory_path() / ("holdfast-interop-" + random_hex(6))) {
  std::filesystem::create_directories(path_);
}

Folder::~Folder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

std::string entry(const std::string& name, const std::string& command, std::vector<std::string> settings) {
  std::string text = "  " + name + ":\n    command: " + command + "\n";
  for (const auto& setting : settings) text += "    " + setting + "\n";
  return text;
}

std::string config_of(const std::vector<std::string>& entries) {
  std::string text = "listen: [\"127.0.0.1:0\"]\ndrain: 2s\nmcpServers:\n";
  for (const auto& one : entries) text += one;
  return text;
}

Bridge::Bridge(GatewayProcess& gateway, const std::string& server, const std::string& capabilities)
    : program_(HOLDFAST_PROGRAM, connect_arguments(gateway, server), gateway.dir() / "connect.log") {
  send(R"({"jsonrpc":"2.0","id":"hello","method":"initialize","params":{"protocolVersion":"2025-11-25",)"
       R"("capabilities":)" +
       capabilities + R"(,"clientInfo":{"name":"test","version":"1"}}})");
  hello_ = next();
  send(R"({"jsonrpc":"2.0","method":"notifications/initialized"})");
}

void Bridge::start_call(const std::string& id, const std::string& tool, const std::string& arguments) {
  send(R"({"jsonrpc":"2.0","id":)" + id + R"(,"method":"tools/call","params":{"name":")" + tool +
       R"(","arguments":)" + arguments + "}}");
}

std::string Bridge::next(std::chrono::milliseconds limit) { return program_.read_line(limit).value_or(""); }

std::string Bridge::call(const std::string& id, const std::string& tool, const std::string& arguments) {
  start_call(id, tool, arguments);
  return answer();
}

std::string Bridge::answer() {
  std::string line = next();
  while (line.find("\"method\":") != std::string::npos) line = next();
  return line;
}

void Interop::SetUp() {
  own_all_descendants();
  const char* path = std::getenv("PATH");
  ASSERT_EQ(::setenv("PATH", (kTools.string() + ":" + (path ? path : "/usr/bin:/bin")).c_str(), 1), 0);
}

void Interop::TearDown() {
  EXPECT_TRUE(nobody_left_within(10s)) << to_string(living_descendants());
  clean_up();
}

}  // namespace holdfast::test
