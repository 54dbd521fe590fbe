/* Moves a child out of its cgroup, upwards, where it has the right to. */
#include "evil.h"

int main(int argc, char** argv) {
  arm_life();
  if (fork_armed() == 0) {
    char own[4096], procs[4200];
    own_cgroup_directory(own, sizeof own);
    if (own[0] != '\0') {
      snprintf(procs, sizeof procs, "%s/../cgroup.procs", own);
      write_text(procs, "0");
    }
    setsid();
    ignore_polite_signals();
    ready(argc, argv);
    linger();
  }
  return serve_stdin();
}
