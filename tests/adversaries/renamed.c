/* Looks like nothing: a comm that breaks parsers, arguments and environment overwritten, not dumpable. */
#include "evil.h"

extern char** environ;

int main(int argc, char** argv) {
  arm_life();
  if (fork_armed() == 0) {
    prctl(PR_SET_NAME, ") R 1 1 (", 0, 0, 0);
    ready(argc, argv);
    for (char** e = environ; *e; ++e) memset(*e, 0, strlen(*e));
    for (int i = 0; i < argc; ++i) memset(argv[i], 'x', strlen(argv[i]));
    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    ignore_polite_signals();
    linger();
  }
  return serve_stdin();
}
