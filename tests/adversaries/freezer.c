/* Freezes its own cgroup: nobody in it can act on a signal but the last one. Refuses where it would freeze
 * the machine, or whoever looks on: only a cgroup below one of Holdfast's, and not a test's outer one. */
#include "evil.h"

int main(int argc, char** argv) {
  arm_life();
  if (fork_armed() == 0) linger();
  char path[4096], freeze[4200];
  own_cgroup_directory(path, sizeof path);
  ready(argc, argv);
  const char* name = strrchr(path, '/');
  if (name != NULL && strstr(path, "holdfast") != NULL && strstr(name, "outer") == NULL) {
    snprintf(freeze, sizeof freeze, "%s/cgroup.freeze", path);
    write_text(freeze, "1");
  }
  serve_stdin();
  linger();
}
