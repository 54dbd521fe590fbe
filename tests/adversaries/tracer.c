/* A child traces its sibling, and never lets it be reaped; another is held in a tracing stop. */
#include "evil.h"

#include <sys/ptrace.h>

int main(int argc, char** argv) {
  arm_life();
  pid_t prey = fork_armed();
  if (prey == 0) linger();
  if (fork_armed() == 0) {
    ignore_polite_signals();
    ptrace(PTRACE_SEIZE, prey, NULL, NULL);
    if (fork_armed() == 0) {
      ptrace(PTRACE_TRACEME, 0, NULL, NULL);
      raise(SIGSTOP);
      linger();
    }
    sleep_ms(20);
    ready(argc, argv);
    linger();
  }
  return serve_stdin();
}
