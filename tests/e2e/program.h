// The real programs, started as a user would, with pipes the test holds.
#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/unique_fd.h"
#include "custody/types.h"
#include "os/pidfd.h"

namespace holdfast::test {

// Asks until `done` or the limit: for what has no event, such as /proc. False: the limit came first.
bool until(const std::function<bool()>& done, std::chrono::milliseconds limit);

struct Exit {
  int code = -1;
  int signal = 0;
};

// A child of the test process. Ended by SIGKILL through its pidfd when destroyed.
class Program {
 public:
  // Throws std::runtime_error if it cannot be started. stdin and stdout are pipes; stderr goes to
  // `stderr_file`.
  Program(const std::string& path, std::vector<std::string> arguments,
          const std::filesystem::path& stderr_file);
  ~Program();
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;

  [[nodiscard]] pid_t pid() const { return handle_.pid(); }
  void signal(int number);
  void write(std::string_view text);
  void close_stdin() { stdin_.reset(); }
  // One line without its end; nullopt at the deadline or at end-of-file.
  std::optional<std::string> read_line(std::chrono::milliseconds limit);
  // Waits for the exit; nullopt at the deadline.
  std::optional<Exit> wait(std::chrono::milliseconds limit);

 private:
  os::PidFd handle_;
  UniqueFd stdin_, stdout_;
  std::string pending_;
  std::optional<Exit> exit_;
};

// The whole output and exit of a command that ends by itself.
struct Output {
  Exit exit;
  std::string out, err;
};
Output run_program(const std::string& path, std::vector<std::string> arguments,
                   std::chrono::milliseconds limit);

// For a gateway that is to offer this rung, `within` what it runs: what hides the cgroup v2 tree from one on
// rung tree.
std::vector<std::string> within(custody::Rung rung);

// A gateway on a configuration of its own, in a directory of its own.
class GatewayProcess {
 public:
  // `within`: a program (absolute) and its first arguments, which runs the gateway.
  explicit GatewayProcess(const std::string& yaml, std::vector<std::string> within = {});
  ~GatewayProcess();  // TERM, wait, then asserts nothing: the test counts

  [[nodiscard]] Program& program() { return *program_; }
  [[nodiscard]] const std::filesystem::path& dir() const { return dir_; }
  [[nodiscard]] std::string log() const;
  // Whether its trees stand on this rung (pidns: those that ask for it), as its log says.
  [[nodiscard]] bool offers(custody::Rung rung) const;
  // The command line client against this gateway.
  Output cli(std::vector<std::string> arguments, std::chrono::milliseconds limit = std::chrono::seconds(20));
  std::vector<std::string> global_arguments() const;
  void configure(const std::string& yaml);  // what a reload or the next start reads
  void start();                             // again, after it ended

 private:
  std::filesystem::path dir_;
  std::vector<std::string> within_;
  std::optional<Program> program_;
};

// A live client through `holdfast connect`, as any MCP client would be, that has asked for its handshake: id
// 0.
std::unique_ptr<Program> begin_connect(GatewayProcess& gateway, const std::string& server);
// The same after its handshake. Throws if nobody answers.
std::unique_ptr<Program> connect(GatewayProcess& gateway, const std::string& server);
// One tool call of it: the line of the answer, empty if none came.
std::string call(Program& client, const std::string& tool, const std::string& arguments = "{}");

}  // namespace holdfast::test
