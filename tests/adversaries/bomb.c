/* Every process forks for ever, up to 300 alive at once and 10,000 in all, counted in shared memory. */
#include "evil.h"

enum { ALIVE = 300, EVER = 10000 };

struct count {
  atomic_int born;
};

int main(int argc, char** argv) {
  arm_life();
  struct count* count = mmap(NULL, sizeof *count, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (count == MAP_FAILED) return 1;
  if (fork_armed() == 0) {
    ignore_polite_signals();
    close_all();
    double end = now_seconds() + 10;
    int told = 0;
    /* The number of the living is not known to those who are killed, so the bound is on births: the first 300
     * at once, then a trickle that goes on under the killing. */
    while (now_seconds() < end) {
      int born = atomic_fetch_add(&count->born, 1);
      if (born >= ALIVE && !told) {
        ready(argc, argv);
        told = 1;
      }
      if (born >= EVER) break;
      if (born >= ALIVE) {
        /* One child that is waited for: alive at once stays bounded. */
        pid_t pid = fork_armed();
        if (pid == 0) {
          sleep_ms(5);
          _exit(0);
        }
        if (pid > 0) waitpid(pid, NULL, 0);
        sleep_ms(20);
      } else if (fork_armed() < 0) {
        sleep_ms(1);
      }
    }
    linger();
  }
  return serve_stdin();
}
