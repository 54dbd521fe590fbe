/* Makes cgroups inside its own, three deep, and puts children there. */
#include "evil.h"

int main(int argc, char** argv) {
  arm_life();
  char path[4096];
  own_cgroup_directory(path, sizeof path);
  for (int depth = 0; depth < 3; ++depth) {
    if (path[0] != '\0') {
      strncat(path, "/nest", sizeof path - strlen(path) - 1);
      mkdir(path, 0755);
    }
    pid_t pid = fork_armed();
    if (pid == 0) {
      char procs[4200];
      snprintf(procs, sizeof procs, "%s/cgroup.procs", path);
      if (path[0] != '\0') write_text(procs, "0");
      ignore_polite_signals();
      if (depth == 2) ready(argc, argv);
      linger();
    }
  }
  return serve_stdin();
}
