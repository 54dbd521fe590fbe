/* Forks and exits for ever (10 s), each link in a session of its own: whoever is looked at is gone already.
 */
#include "evil.h"

int main(int argc, char** argv) {
  arm_life();
  double end = now_seconds() + 10;
  pid_t pid = fork_armed();
  if (pid == 0) {
    ignore_polite_signals();
    ready(argc, argv);
    while (now_seconds() < end) {
      pid_t next = fork_armed();
      if (next > 0) _exit(0);
      if (next < 0) sleep_ms(1);
      if (next == 0) setsid();
    }
    _exit(0);
  }
  return serve_stdin();
}
