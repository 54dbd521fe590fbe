// The smallest server there is: says one byte when it lives, then waits for the end of its stdin. With
// `stays` it is deaf to that end, with `deaf` to SIGTERM as well, both for at most two minutes. With a number
// behind it is so many processes, each like it.
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int main(int argc, char** argv) {
  char byte = '\n';
  if (argc > 1 && strcmp(argv[1], "deaf") == 0) signal(SIGTERM, SIG_IGN);
  for (int more = argc > 2 ? atoi(argv[2]) - 1 : 0; more > 0 && fork() != 0; --more) {
  }
  if (argc > 1) alarm(120);
  if (write(1, &byte, 1) != 1) return 1;
  while (read(0, &byte, 1) > 0) {
  }
  while (argc > 1) pause();
  return 0;
}
