// A world of its own for a test's run: nothing that it starts can be met or left outside. For tests only (in
// holdfast::tracer).
#pragma once

#include <sys/types.h>

#include <string>

#include "base/result.h"

namespace holdfast::os {

// fork(2) into a new PID namespace with a /proc of its own and an empty file system on `directory` (in a new
// user namespace where that needs one). 0 in the child, which is the world's init and dies with the caller's
// thread. When it ends, the kernel ends all others in it. Error: the machine does not allow it; the child
// then exits with 77. The caller has one thread.
Result<pid_t> fork_own_world(const std::string& directory);

// fork(2) for a process of one thread, whose child gets this very number of its PID namespace (clone3 with
// set_tid, Linux 5.5). EEXIST: a process has it, dead or alive, or a session or a process group. 0: any.
Result<pid_t> fork_as(pid_t number);

}  // namespace holdfast::os
