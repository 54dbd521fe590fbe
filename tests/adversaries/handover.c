/* A wrapper: the leader exits with 0 (or argv[2]) at once, its child serves on with the leader's stdin and
 * stdout: an echo of what is no JSON. */
#include "evil.h"

int main(int argc, char** argv) {
  arm_life();
  pid_t pid = fork_armed();
  if (pid == 0) {
    static struct evil_line line;
    char buffer[4096];
    ready(argc, argv);
    for (;;) {
      ssize_t n = read(0, buffer, sizeof buffer);
      if (n <= 0) return 0;
      if (buffer[0] == '{')
        evil_hear(&line, buffer, (size_t)n);
      else if (write(1, buffer, (size_t)n) < 0)
        return 1;
    }
  }
  return argc > 2 ? atoi(argv[2]) : 0;
}
