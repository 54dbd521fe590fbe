// The smallest server there is: says one byte when it lives, then waits for the end of its stdin. With an
// argument it is deaf to end-of-file and to SIGTERM as well, for at most two minutes.
#include <signal.h>
#include <unistd.h>

int main(int argc, char** argv) {
  (void)argv;
  char byte = '\n';
  if (argc > 1) {
    signal(SIGTERM, SIG_IGN);
    alarm(120);
  }
  if (write(1, &byte, 1) != 1) return 1;
  while (read(0, &byte, 1) > 0) {
  }
  while (argc > 1) pause();
  return 0;
}
