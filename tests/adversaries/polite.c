/* The control: reads stdin to its end and goes; SIGTERM ends it too. */
#include "evil.h"

int main(int argc, char** argv) {
  arm_life();
  ready(argc, argv);
  return serve_stdin();
}
