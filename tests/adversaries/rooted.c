/* A setuid copy of it becomes root for good, where an ordinary user's signals do not reach. */
#include "evil.h"

int main(int argc, char** argv) {
  arm_life();
  prctl(PR_SET_PDEATHSIG, 0, 0, 0, 0);
  ignore_polite_signals();
  if (setresuid(0, 0, 0) != 0) return 4;
  ready(argc, argv);
  serve_stdin();
  linger();
}
