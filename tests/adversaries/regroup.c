/* Changes its process group all the time, so that a number of a group read earlier is a stranger's. */
#include "evil.h"

int main(int argc, char** argv) {
  arm_life();
  pid_t sibling = fork_armed();
  if (sibling == 0) {
    setpgid(0, 0);
    linger();
  }
  setpgid(sibling, sibling);
  if (fork_armed() == 0) {
    ignore_polite_signals();
    ready(argc, argv);
    double end = now_seconds() + 60;
    while (now_seconds() < end) {
      setpgid(0, 0);
      setpgid(0, sibling);
      sleep_ms(1);
    }
    linger();
  }
  return serve_stdin();
}
