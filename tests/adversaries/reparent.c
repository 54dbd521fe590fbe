/* A subreaper of its own, and a chain of five parents that die one after the other below it. */
#include "evil.h"

int main(int argc, char** argv) {
  arm_life();
  if (fork_armed() == 0) {
    prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
    ignore_polite_signals();
    if (fork_armed() == 0) {
      for (int i = 0; i < 5; ++i) {
        setsid();
        if (fork_armed() != 0) {
          sleep_ms(20);
          _exit(0);
        }
      }
      sleep_ms(100);
      ready(argc, argv);
      linger();
    }
    linger();
  }
  return serve_stdin();
}
