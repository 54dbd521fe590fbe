#include "os/stopped.h"

#include <sys/wait.h>

namespace holdfast::os {

Result<pid_t> stopped_child() {
  siginfo_t info{};
  if (::waitid(P_ALL, 0, &info, WSTOPPED | WNOHANG | __WALL) == 0) return info.si_pid;
  if (errno == ECHILD || errno == EINTR) return 0;
  return sys_error("waitid");
}

}  // namespace holdfast::os
