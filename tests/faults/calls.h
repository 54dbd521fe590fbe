// Names of system calls, and how each may fail here.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "os/tracer.h"

namespace holdfast::faults {

std::string name_of(long number);

// Errors that this call of this thread could meet, from what it is about to do: ENOSPC, EROFS and EIO for
// what touches the state directory, EMFILE for what makes a descriptor, EAGAIN for what makes a process, a
// thread or a cgroup.
std::vector<int> errors_for(pid_t thread, const os::TracedCall& call, const std::string& state);

// It waits until something happens, without a time: who is in it does nothing by itself.
bool waits_for_ever(const os::TracedCall& call);
// It asks for the wall clock.
bool reads_wall_clock(const os::TracedCall& call);
// It waits by the wall clock, as nobody should.
bool waits_by_wall_clock(const os::TracedCall& call);

}  // namespace holdfast::faults
