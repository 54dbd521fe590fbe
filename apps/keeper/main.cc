// holdfast-keeper: started by the gateway, one per tree; nothing for people to call.
#include <unistd.h>

#include "custody/keeper.h"

int main(int argc, char** argv) { return holdfast::custody::keep(argc, argv, environ); }
