/* Deaf, and so is a grandchild that lives apart: in a session of its own, no child of ours, but with our
 * environment. */
#include "evil.h"

static int marker_argc;
static char** marker_argv;

static void body(void) {
  ignore_polite_signals();
  ready(marker_argc, marker_argv);
  linger();
}

int main(int argc, char** argv) {
  arm_life();
  ignore_polite_signals();
  marker_argc = argc;
  marker_argv = argv;
  daemonize(body);
  serve_stdin();
  linger();
}
