// One `holdfast run`, started as a client would, and judged from outside.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "base/unique_fd.h"
#include "keeper_run.h"
#include "os/pidfd.h"
#include "outer.h"

namespace holdfast::test {

enum class Input { pipe, socket, null, none };  // none: closed

struct RunSpec {
  std::string program;                   // absolute, or to be found in PATH
  std::vector<std::string> arguments{};  // without argv[0]
  TestRung rung = TestRung::tree;
  std::vector<std::string> options{"--stop=eof=100ms,term=200ms"};
  Input input = Input::pipe;
  bool with_marker = false;  // argv[1] is a marker, see wait_for_evil()
  std::string keeper = "holdfast-keeper";
  std::vector<std::string> wrapper{};  // absolute program and arguments in front of it all
  std::vector<int> more_fds{};         // 3, 4, …
};

class FaceRun {
 public:
  FaceRun(Outer& outer, const RunSpec& spec);
  ~FaceRun();
  FaceRun(const FaceRun&) = delete;
  FaceRun& operator=(const FaceRun&) = delete;

  [[nodiscard]] pid_t pid() const { return face_.pid(); }  // the wrapper's, where there is one
  [[nodiscard]] const os::PidFd& process() const { return face_; }
  [[nodiscard]] bool evil_within(std::chrono::milliseconds limit) const;
  // The only child of `face` that is a keeper; 0: none within 10 s.
  static pid_t keeper_of(pid_t face);
  // Once it has told that the command runs, and has wiped its arguments.
  [[nodiscard]] pid_t keeper_pid() const;
  static pid_t first_child(pid_t parent);  // the eldest; 0: none within 10 s

  void signal(int number) const;
  static void kill(pid_t pid, int number);
  void write(const std::string& text) const;
  void close_input() { in_.reset(); }
  void end_input_by_shutdown() const;  // of a socket
  // What it says on stdout up to its end, or until `text` was said; bounded by 10 s.
  std::string read_until(const std::string& text) const;
  std::string read_all() const { return read_until(""); }
  std::string errors() const;  // all of stderr so far
  // Its exit, or nullopt if it lives on after `limit`.
  std::optional<os::Waited> end(std::chrono::milliseconds limit = std::chrono::milliseconds(20000));
  // The exit status as a shell would show it; -1: it lives on.
  int status();

 private:
  os::PidFd face_;
  UniqueFd in_, out_, err_, marker_;
  std::string marker_path_;
};

// Arguments of `holdfast-keeper run` for this spec, from "run" on.
std::vector<std::string> run_arguments(const RunSpec& spec, const std::string& marker);
bool readable_within(int fd, std::chrono::milliseconds limit);
std::string slurp_file(const std::string& path);

}  // namespace holdfast::test
