/* Stops itself: a SIGTERM alone would wait for a SIGCONT that never comes. */
#include "evil.h"

int main(int argc, char** argv) {
  arm_life();
  pid_t pid = fork_armed();
  if (pid == 0) {
    raise(SIGSTOP);
    linger();
  }
  int status;
  waitpid(pid, &status, WUNTRACED);
  ready(argc, argv);
  raise(SIGSTOP);
  serve_stdin();
  linger();
}
