// The truth from outside: the set of all processes that a test started, directly or not, as the kernel tells
// it, never as Holdfast's own books do. One at a time in a test process.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "os/cgroup.h"
#include "os/pidfd.h"

namespace holdfast::test {

// Three views, united: a cgroup of the test's own (where the machine lets it make one), every descendant of
// the test process (a subreaper, so that nobody gets away upwards), and whoever carries this run's marker in
// the environment. Dead processes that nobody has reaped yet do not count.
class Outer {
 public:
  Outer();
  ~Outer();  // kills what is left, reaps, removes its cgroups
  Outer(const Outer&) = delete;
  Outer& operator=(const Outer&) = delete;

  struct Program {
    std::string path;                        // absolute
    std::vector<std::string> arguments{};    // without argv[0]
    std::vector<std::string> environment{};  // complete but for the marker
    std::vector<int> fds{};  // the program's descriptors 0, 1, …; empty: 0, 1, 2 are /dev/null
  };
  // Started in the outer cgroup. The caller waits for it (os::wait_child) or leaves it to the destructor.
  Result<os::PidFd> start(const Program& program);

  [[nodiscard]] std::vector<pid_t> members() const;  // living ones
  [[nodiscard]] std::string describe() const;        // one line per member, for a failure's message
  [[nodiscard]] bool empty_within(std::chrono::milliseconds limit) const;
  void kill_all();

  // Absolute path of the outer cgroup; empty, with the reason, where there is none.
  [[nodiscard]] const std::string& cgroup() const { return path_; }
  [[nodiscard]] const std::string& why_no_cgroup() const { return reason_; }
  // "HOLDFAST_OUTER=…": what start() adds to the environment.
  [[nodiscard]] const std::string& marker() const { return marker_; }

 private:
  std::string path_, reason_, marker_;
  os::CgroupLeaf leaf_;
};

// Where this build put its programs. The environment variable HOLDFAST_TEST_INSTEAD=NAME=OTHER makes one of
// them another: a negative control's.
std::string program_path(const std::string& name);
std::string adversary_path(const std::string& name);
// How long to wait for what has to happen: `usual`, or as many milliseconds as the environment variable
// HOLDFAST_TEST_PATIENCE says. A negative control waits for what never comes.
std::chrono::milliseconds patience(std::chrono::milliseconds usual);

}  // namespace holdfast::test
