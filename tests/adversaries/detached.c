/* A child in a session of its own that holds nothing of ours: no descriptor, no group, no controlling
 * terminal. */
#include "evil.h"

int main(int argc, char** argv) {
  arm_life();
  if (fork_armed() == 0) {
    setsid();
    close_all();
    ignore_polite_signals();
    ready(argc, argv);
    linger();
  }
  return serve_stdin();
}
