#include "census.h"

#include <signal.h>
#include <unistd.h>

#include <stdexcept>
#include <thread>

#include "os/pidfd.h"
#include "os/process.h"
#include "os/procfs.h"
#include "os/signals.h"

namespace holdfast::test {
namespace {

void collect(pid_t parent, std::vector<Living>& living) {
  std::vector<pid_t> children;
  (void)os::for_each_child(parent, [&](pid_t child) { children.push_back(child); });
  for (const pid_t child : children) {
    const auto stat = os::read_stat(child);
    const auto handle = os::PidFd::open(child);
    if (stat && handle && !handle->exited())
      living.push_back({child, std::string(stat->comm.view()), stat->comm.view() == "holdfast-keeper"});
    collect(child, living);
  }
}

}  // namespace

void own_all_descendants() {
  os::ignore_signal(SIGPIPE);  // a program that died while we wrote to it is a result, not our end
  if (!os::become_subreaper()) throw std::runtime_error("the test process cannot become a subreaper");
}

std::vector<Living> living_descendants() {
  std::vector<Living> living;
  collect(::getpid(), living);
  return living;
}

std::vector<Living> living_servers() {
  auto living = living_descendants();
  std::erase_if(living, [](const Living& l) { return l.keeper; });
  return living;
}

std::string to_string(const std::vector<Living>& living) {
  std::string text;
  for (const auto& l : living) text += std::to_string(l.pid) + " " + l.comm + "\n";
  return text;
}

bool nobody_left_within(std::chrono::milliseconds limit) {
  const auto deadline = std::chrono::steady_clock::now() + limit;
  for (;;) {
    for (auto waited = os::wait_child(-1); waited && waited->pid > 0;) waited = os::wait_child(-1);
    if (living_descendants().empty()) return true;
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(
        std::chrono::milliseconds(2));  // polling /proc: it has no event for "nobody left"
  }
}

void clean_up() {
  for (int pass = 0; pass < 200 && !nobody_left_within(std::chrono::milliseconds(10)); ++pass)
    for (const auto& l : living_descendants())
      if (const auto handle = os::PidFd::open(l.pid); handle && os::is_descendant(l.pid, ::getpid()))
        (void)handle->signal(SIGKILL);
}

}  // namespace holdfast::test
