// holdfast-keeper: `tree`, one per tree, is started by the gateway or by a face and is nothing for people to
// call; `run` is the face, which `holdfast run` becomes.
#include <unistd.h>

#include <string_view>

#include "custody/face.h"
#include "custody/keeper.h"

int main(int argc, char** argv) {
  using namespace holdfast::custody;
  if (argc >= 2 && std::string_view(argv[1]) == "run") return show_face(argc, argv, environ);
  return keep(argc, argv, environ);
}
