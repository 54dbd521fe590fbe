/* A child that is made our sibling (CLONE_PARENT), and one that ends without a signal (exit_signal 0). */
#include "evil.h"

#include <linux/sched.h>

static pid_t clone_like_fork(unsigned long flags) {
  pid_t pid = (pid_t)syscall(SYS_clone, flags, NULL, NULL, NULL, 0);
  if (pid == 0) arm_life();
  return pid;
}

int main(int argc, char** argv) {
  arm_life();
  if (clone_like_fork(CLONE_PARENT | SIGCHLD) == 0) {
    ignore_polite_signals();
    linger();
  }
  if (clone_like_fork(CLONE_PARENT) == 0) {
    ignore_polite_signals();
    linger();
  }
  if (clone_like_fork(0) == 0) linger();
  ready(argc, argv);
  return serve_stdin();
}
