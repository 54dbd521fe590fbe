/* Three generations, all deaf, the younger two in sessions of their own. Whoever dies is reaped at once, by
 * its parent, so that its number is free. argv[2]: the leader exits with 0 when all are there, and the second
 * holds its pipes. */
#include "evil.h"

int main(int argc, char** argv) {
  arm_life();
  ignore_polite_signals();
  signal(SIGCHLD, SIG_IGN);
  int all_there[2];
  if (pipe(all_there) != 0) return 1;
  if (fork_armed() == 0) {
    setsid();
    if (fork_armed() == 0) {
      setsid();
      ready(argc, argv);
      close(all_there[1]);
      linger();
    }
    close(all_there[1]);
    linger();
  }
  close(all_there[1]);
  char none;
  if (read(all_there[0], &none, 1) != 0) return 1;
  if (argc > 2) return 0;
  serve_stdin();
  linger();
}
