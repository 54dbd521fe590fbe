// Real servers and real clients around the real gateway. Truth from outside: /proc, through
// tests/e2e/census.h.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "e2e/census.h"
#include "e2e/program.h"
#include "needs.h"

namespace holdfast::test {

using namespace std::chrono_literals;

// The machine is small and node slow to start: a limit here says "hangs", not "is slow".
constexpr std::chrono::seconds kPatience{60};

// Why a program of .tools/bin cannot be used here; empty: it can.
std::string missing(const std::string& program);
// The same for a program of PATH.
std::string missing_in_path(const std::string& program);

#define HOLDFAST_NEEDS_PROGRAM(missing) HOLDFAST_NEEDS("interop", (missing).empty(), missing)

// The living descendants of this test (no keepers) whose command line holds `text`.
std::vector<pid_t> running(std::string_view text);
// The living children of a keeper, oldest first: the first of a tree, then what the keeper has adopted.
std::vector<pid_t> leaders();
bool eventually(const std::function<bool()>& holds, std::chrono::milliseconds limit = kPatience);
// A folder for what servers write; gone with it.
class Folder {
 public:
  Folder();
  ~Folder();
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

// One entry below mcpServers; `settings` are lines of YAML without indentation.
std::string entry(const std::string& name, const std::string& command,
                  std::vector<std::string> settings = {});
std::string config_of(const std::vector<std::string>& entries);

// A client that speaks through `holdfast connect`, line by line.
class Bridge {
 public:
  Bridge(GatewayProcess& gateway, const std::string& server, const std::string& capabilities = "{}");
  [[nodiscard]] const std::string& hello() const { return hello_; }
  [[nodiscard]] Program& program() { return program_; }
  void send(const std::string& line) { program_.write(line + "\n"); }
  void start_call(const std::string& id, const std::string& tool, const std::string& arguments);
  // The next line, whatever it is; empty: none came.
  std::string next(std::chrono::milliseconds limit = kPatience);
  // The next line that is an answer: what the server says or asks is passed over, and not answered.
  std::string answer();
  // Its answer, or whatever comes in its place.
  std::string call(const std::string& id, const std::string& tool, const std::string& arguments);

 private:
  Program program_;
  std::string hello_;
};

class Interop : public testing::Test {
 protected:
  void SetUp() override;
  void TearDown() override;
};

}  // namespace holdfast::test
