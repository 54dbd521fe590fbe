/* Leaves a grandchild with a session of its own, no descriptor, no environment and no ear for signals. */
#include "evil.h"

static int marker_argc;
static char** marker_argv;

static void body(void) {
  /* clearenv() alone would leave it to be read in /proc. */
  for (char** e = environ; *e; ++e) memset(*e, 0, strlen(*e));
  clearenv();
  ignore_polite_signals();
  ready(marker_argc, marker_argv);
  linger();
}

int main(int argc, char** argv) {
  arm_life();
  marker_argc = argc;
  marker_argv = argv;
  daemonize(body);
  return serve_stdin();
}
