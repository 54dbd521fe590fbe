// Truth from outside: the test process is a subreaper, so whatever was started below it, however it detached
// and whoever died, stays its descendant. Counted from /proc, never from Holdfast's own books.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <string>
#include <vector>

namespace holdfast::test {

// Makes this process a subreaper; call before anything is started.
void own_all_descendants();

struct Living {
  pid_t pid = 0;
  std::string comm;
  bool keeper = false;
};
// Every descendant that has not exited (a process without its first thread counts, a zombie does not).
std::vector<Living> living_descendants();
std::vector<Living> living_servers();  // the same without keepers
std::string to_string(const std::vector<Living>& living);

// Reaps own children that nobody else waits for and polls until nothing is left. For the end of a test, when
// no custodian lives in this process any more.
bool nobody_left_within(std::chrono::milliseconds limit);

// Ends what is left, so that a failing test does not poison the next one.
void clean_up();

}  // namespace holdfast::test
