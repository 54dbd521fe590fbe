// The command line of `holdfast run`. No heap: it is read by the face, which lives in the keeper's program.
#pragma once

#include <chrono>
#include <cstdint>
#include <string_view>

#include "base/result.h"
#include "custody/limits.h"

namespace holdfast::custody {

enum class Isolation { automatic, tree, leaf, pidns };

struct FaceOptions {
  std::chrono::milliseconds eof{1000}, term{1500};
  std::chrono::milliseconds time{0};  // --for; 0: as long as it takes
  bool stop_at_end_of_input = true;
  Isolation isolation = Isolation::automatic;
  Limits limits;
  const char* report = nullptr;  // a file
  bool help = false;             // nothing else counts then
  char** command = nullptr;      // null-terminated, at least one word
};

// `words`: what stands behind `run`, null-terminated. An error's subject is a sentence for people.
Result<FaceOptions> parse_face_options(char** words);

extern const std::string_view kFaceHelp;

}  // namespace holdfast::custody
