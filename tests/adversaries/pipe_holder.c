/* The leader fails at the end of stdin, or with "MARKER now" at once; a grandchild keeps stdout open and
 * would keep a reader waiting. */
#include "evil.h"

int main(int argc, char** argv) {
  arm_life();
  int placed[2];
  if (pipe2(placed, O_CLOEXEC) != 0) return 1;
  if (fork_armed() == 0) {
    setsid();
    ignore_polite_signals();
    close(0);
    ready(argc, argv);
    close(placed[1]);
    linger();
  }
  close(placed[1]);
  if (argc > 2) {
    char byte;
    while (read(placed[0], &byte, 1) < 0 && errno == EINTR) {
    }
    return 3;
  }
  serve_stdin();
  return 3;
}
