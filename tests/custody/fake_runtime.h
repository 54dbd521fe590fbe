// A container runtime of the test's own (tests/fixtures/fake_docker.cc): its daemon is a child of the test,
// its containers are the daemon's, and the truth about them comes from /proc.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <string>
#include <vector>

#include "os/pidfd.h"

namespace holdfast::test {

class FakeRuntime {
 public:
  FakeRuntime();
  ~FakeRuntime();  // ends daemon and containers
  FakeRuntime(const FakeRuntime&) = delete;
  FakeRuntime& operator=(const FakeRuntime&) = delete;

  void start_daemon();
  void kill_daemon();     // its containers live on, and every command fails
  void hang(bool hangs);  // no command is answered

  // Processes in containers, whoever started those.
  [[nodiscard]] std::vector<pid_t> processes() const;
  [[nodiscard]] bool becomes(std::size_t count, std::chrono::milliseconds limit) const;
  // The command lines that were called so far, one each, without global options.
  [[nodiscard]] std::vector<std::string> calls() const;
  [[nodiscard]] bool called(const std::string& begin) const;
  // Runs it as a user would, to its end: its output.
  std::string docker(std::vector<std::string> words) const;

  [[nodiscard]] static std::string program();                     // its base name is docker
  [[nodiscard]] std::string ssh() const { return dir_ / "ssh"; }  // the same program by another name
  [[nodiscard]] std::string host() const { return "unix://" + (dir_ / "docker.sock").native(); }
  [[nodiscard]] const std::filesystem::path& dir() const { return dir_; }

 private:
  std::filesystem::path dir_;
  std::string mark_;
  os::PidFd daemon_;
};

}  // namespace holdfast::test
