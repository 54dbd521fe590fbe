/* Hears neither the end of stdin nor a polite signal. */
#include "evil.h"

int main(int argc, char** argv) {
  arm_life();
  ignore_polite_signals();
  ready(argc, argv);
  serve_stdin();
  linger();
}
