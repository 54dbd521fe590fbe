// A PID namespace: its first process is its init, and when that ends, however it does, the kernel ends all
// the others (pid_namespaces(7)). No heap.
#pragma once

#include "base/result.h"
#include "os/pidfd.h"

namespace holdfast::os {

struct InitBirth {
  PidFd init;                   // in the child: empty
  bool user_namespace = false;  // it was needed, since we have no CAP_SYS_ADMIN
  uid_t user = 0;               // whose process it is, seen from outside
  gid_t group = 0;
};
// Returns twice, as fork(2): to the caller, and in a copy of it that is process 1 of a PID namespace of its
// own. For a process with one thread. Where we may not make one, it gets a user namespace around it, in which
// it may (user_namespaces(7); some machines forbid those: EPERM, ENOSPC).
Result<InitBirth> fork_init();

// The next two are for the new init. In its user namespace, if it has one, it stays who it is: the own user
// and group keep their numbers, everybody else shows as the overflow user.
Result<void> keep_own_ids(const InitBirth& birth);
// Mounts apart from everybody else's (what comes and goes outside still shows), and a /proc that knows of
// this PID namespace only. EPERM in a user namespace where part of the /proc we have is hidden, as containers
// do.
Result<void> mount_own_proc();

}  // namespace holdfast::os
