/* Takes without end what it is named after: `hog memory|files|pids|cpu`. At its first end-of-file or byte on
 * stdin it begins; refused, it says "KIND N: why" on stdout and reads on. Bounded all the same: 512 MB, 5000
 * descriptors, 300 children, two seconds of a processor. */
#include "evil.h"

enum { MEGABYTES = 512, FILES = 5000, PIDS = 300, BURN_SECONDS = 2 };

/* Somebody might look at it: or else the compiler takes nothing. */
static char* volatile latest;

static int take_memory(void) {
  for (int taken = 0; taken < MEGABYTES; ++taken) {
    char* piece = malloc(1 << 20);
    if (piece == NULL) return taken;
    memset(piece, taken, 1 << 20);
    latest = piece;
  }
  return MEGABYTES;
}

static int take_files(void) {
  for (int taken = 0; taken < FILES; ++taken)
    if (open("/dev/null", O_RDONLY) < 0) return taken;
  return FILES;
}

static int take_pids(void) {
  for (int taken = 0; taken < PIDS; ++taken) {
    pid_t pid = fork_armed();
    if (pid < 0) return taken;
    if (pid == 0) linger();
  }
  return PIDS;
}

static int take_cpu(void) {
  double end = now_seconds() + BURN_SECONDS;
  while (now_seconds() < end) errno = 0;
  struct timespec used;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
  return (int)(used.tv_sec * 1000 + used.tv_nsec / 1000000);
}

int main(int argc, char** argv) {
  arm_life();
  if (argc < 2) return 2;
  char go;
  if (read(0, &go, 1) < 0) return 2;
  int taken = argv[1][0] == 'm'   ? take_memory()
              : argv[1][0] == 'f' ? take_files()
              : argv[1][0] == 'p' ? take_pids()
                                  : take_cpu();
  printf("%s %d: %s\n", argv[1], taken, strerror(errno));
  fflush(stdout);
  return serve_stdin();
}
