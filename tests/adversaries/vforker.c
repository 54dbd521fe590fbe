/* Sits in vfork for ever while its child pauses: killing the parent leaves the child. */
#include "evil.h"

int main(int argc, char** argv) {
  arm_life();
  if (fork_armed() == 0) {
    pid_t pid = vfork();
    if (pid == 0) {
      alarm(LIFE_SECONDS);
      ready(argc, argv);
      for (;;) pause();
    }
    linger();
  }
  return serve_stdin();
}
