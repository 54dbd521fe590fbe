/* Forks when it is asked to end: at SIGTERM, at the end of stdin, and in atexit. 20 children at most. */
#include "evil.h"

static atomic_int forked;

static void leave_a_child(void) {
  if (atomic_fetch_add(&forked, 1) >= 20) return;
  if (fork_armed() == 0) {
    setsid();
    ignore_polite_signals();
    linger();
  }
}

static void on_term(int number) {
  (void)number;
  leave_a_child();
}

int main(int argc, char** argv) {
  arm_life();
  signal(SIGTERM, on_term);
  atexit(leave_a_child);
  ready(argc, argv);
  serve_stdin();
  leave_a_child();
  return 0;
}
