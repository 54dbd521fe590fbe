/* Its first thread exits, another goes on: state Z, alive, and spared by cgroup.kill. */
#include "evil.h"

#include <pthread.h>

static int marker_argc;
static char** marker_argv;

static void* go_on(void* unused) {
  (void)unused;
  /* Until the kernel calls the first thread a zombie. */
  char text[256] = "";
  for (int i = 0; i < 1000 && !strstr(text, ") Z"); ++i) {
    int fd = open("/proc/self/stat", O_RDONLY | O_CLOEXEC);
    ssize_t n = read(fd, text, sizeof text - 1);
    text[n > 0 ? n : 0] = '\0';
    close(fd);
    sleep_ms(1);
  }
  ready(marker_argc, marker_argv);
  serve_stdin();
  linger();
}

int main(int argc, char** argv) {
  arm_life();
  ignore_polite_signals();
  marker_argc = argc;
  marker_argv = argv;
  pthread_t thread;
  if (pthread_create(&thread, NULL, go_on, NULL) != 0) return 1;
  syscall(SYS_exit, 0);
  return 1;
}
